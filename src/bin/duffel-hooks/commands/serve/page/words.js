// What the page calls things, and how it writes numbers, sizes, times and foreign texts.

/** The five kinds of outcome, in the order of the filter. */
export const KINDS = [
    ["accepted", "Accepted"],
    ["duplicate", "Duplicate"],
    ["ignored", "Ignored"],
    ["refused", "Refused"],
    ["failed", "Failed"],
];

/** Returns the kind of a delivery. What the sender must change is refused, what the receiver could not do has failed. */
export function kindOf({ status, outcome }) {
    if (status >= 500) return "failed";
    if (status >= 400) return "refused";
    if (outcome === "handshake") return "ignored";
    return outcome === "duplicate" || outcome === "ignored" ? outcome : "accepted";
}

export const titleOf = (delivery) => delivery.event_type ?? `${delivery.method} ${delivery.path}`;

/** Makes a sentence of a reason: the log writes them in lower case. */
export const sentence = (text) => (text ?? "").replace(/^[a-z]/, (first) => first.toUpperCase());

/** The reason without the word that a place shows already. */
export const reasonOf = ({ reason, outcome }) => (reason || outcome).replace(/^refused: /, "");

/** The text of a row: which event was accepted, or why a delivery was not. */
export const summaryOf = (delivery) =>
    delivery.kind === "accepted" && delivery.event_id ? delivery.event_id : sentence(reasonOf(delivery));

const plain = new Intl.NumberFormat("en");
const decimal = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const number = (value) => plain.format(value);

export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

export const deliveries = (value, which = "") => `${number(value)} ${which}${value === 1 ? "delivery" : "deliveries"}`;

export function bytes(value) {
    if (value < 1024) return `${number(value)} ${value === 1 ? "byte" : "bytes"}`;
    return value < 1024 * 1024 ? `${decimal.format(value / 1024)} KiB` : `${decimal.format(value / 1024 / 1024)} MiB`;
}

export const milliseconds = (value) => `${value < 10 ? value.toFixed(2) : decimal.format(value)} ms`;

const clock = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const clocks = new Map();

/** The time of day. Deliveries of one second share it, so it is formatted once. */
export function time(text) {
    const second = text.slice(0, 19);
    let shown = clocks.get(second);
    if (!shown) {
        if (clocks.size > 5000) clocks.clear();
        shown = clock.format(new Date(text));
        clocks.set(second, shown);
    }
    return shown;
}

/** Date and time, with milliseconds if the text has them. */
export function moment(text) {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) return text;
    const fraction = /\.(\d{3})/.exec(text);
    return full.format(at) + (fraction ? `.${fraction[1]}` : "");
}

/** Control characters except line feed and tab, invisible characters, and marks that change the direction of text. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/u;

/** Splits a text into parts as they are, and parts that show a character which cannot be seen. */
export function visible(text) {
    if (!INVISIBLE.test(text)) return [{ text }];
    const parts = [];
    for (const character of text) {
        const isHidden = INVISIBLE.test(character) && character !== "\n" && character !== "\t";
        const last = parts.at(-1);
        if (isHidden) parts.push({ text: codePoint(character), hidden: true });
        else if (last && !last.hidden) last.text += character;
        else parts.push({ text: character });
    }
    return parts;
}

/** The text of a place that has room for plain text only, such as a row or an option. */
export const line = (text) =>
    visible(text)
        .map((part) => part.text)
        .join("");

const codePoint = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
