// The sources, the queue and the ledger as they stand.
import { $, askJson, command, element, foreign, update } from "./dom.js";
import { count, moment, number } from "./words.js";

export const loadState = () => askJson("/inspector/state");

const link = (number) => (number ? element("a", { href: `#/${number}` }, `#${number}`) : "");
const mono = (text) => element("span", { class: "mono" }, ...foreign(text ?? ""));
const short = (text) => element("span", { class: "mono", title: text }, `${text.slice(0, 13)}…`);

/** A table that can be scrolled sideways with the keyboard too. */
function table(caption, columns, rows) {
    const head = columns.map((column) => element("th", { scope: "col" }, column));
    const body = rows.map((cells) =>
        element(
            "tr",
            {},
            cells.map((cell) => element("td", {}, cell)),
        ),
    );
    return element(
        "div",
        { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
        element(
            "table",
            { class: "table wide" },
            element("caption", { class: "hidden-text" }, caption),
            element("thead", {}, element("tr", {}, head)),
            element("tbody", {}, body),
        ),
    );
}

function section(title, text, ...content) {
    return element("section", {}, element("h2", {}, title), element("p", { class: "quiet" }, text), ...content);
}

const newest = (shown, total) => (shown < total ? ` The newest ${number(shown)} are listed.` : "");

/** What became of the messages at the consumer. */
function atConsumer(consumer) {
    if (!consumer) return null;
    const { url, not_received, in_flight, failed, handled, dead_letters } = consumer;
    const numbers = [
        `${number(handled)} handled`,
        `${number(not_received)} not received yet`,
        `${number(in_flight)} in flight`,
        `${number(failed)} failed and received again`,
        count(dead_letters, "dead letter"),
    ];
    return element("p", {}, "At the consumer ", mono(url), `: ${numbers.join(", ")}.`);
}

function queue({ destination, messages, total, in_aws, consumer }) {
    if (in_aws) {
        const text = `${count(total, "message")} forwarded to AWS since the start. This page does not read them there.`;
        return section("Queue", text, element("p", {}, mono(destination)));
    }
    const rows = messages.map((message) => [
        link(message.number),
        mono(message.type),
        mono(message.event_id),
        mono(message.group_id),
        short(message.message_id),
        moment(message.sent_at),
    ]);
    const text = `${count(total, "message")} in the memory of this process.${newest(messages.length, total)}`;
    const columns = ["Delivery", "Type", "Event", "Group", "Message", "Sent"];
    const list = rows.length ? table("Messages of the queue", columns, rows) : null;
    return section("Queue", text, atConsumer(consumer), list);
}

function ledger({ records, total, in_aws }) {
    if (in_aws) return section("Ledger", "The records are in AWS. This page does not read them there.");
    const rows = records.map((record) => [
        mono(record.event_type),
        mono(record.event_id),
        short(record.identity),
        short(record.message_id),
        moment(record.counts_from),
        moment(record.expires_at),
    ]);
    const text = `${count(total, "record")}. A delivery of an event that has a record is a duplicate.${newest(records.length, total)}`;
    const columns = ["Type", "Event", "Identity", "Message", "Counts from", "Expires"];
    return section("Ledger", text, rows.length ? table("Records of the ledger", columns, rows) : null);
}

function sources({ sources, window_s }) {
    const days = window_s / 86_400;
    const window = Number.isInteger(days) ? count(days, "day") : count(window_s / 3600, "hour");
    const lines = sources.map((source) =>
        element(
            "div",
            { class: "stack" },
            element(
                "h3",
                {},
                ...foreign(source.name),
                element("span", { class: "quiet" }, ` · scheme ${source.scheme}`),
            ),
            command(source.url, `URL of ${source.name}`),
        ),
    );
    return section("Sources", `An event is remembered for ${window}.`, element("div", { class: "stack" }, lines));
}

export function showState(state) {
    update($("state-view"), queue(state.queue), ledger(state.ledger), sources(state));
}

/** How to send the first delivery. */
export function firstSteps({ sources, secret_is_generated }) {
    const source = sources[0];
    if (!source) return [];
    return [
        element("h3", {}, "No delivery yet"),
        element(
            "p",
            {},
            "Choose ",
            element("b", {}, "Send a sample"),
            " above, or send one from another terminal, with the same secret:",
        ),
        element(
            "div",
            { class: "stack" },
            command(`duffel-hooks send --to ${source.url} order.created`, "command"),
            element(
                "p",
                {},
                secret_is_generated
                    ? "The terminal of duffel-hooks serve shows the secret and the whole command."
                    : "Set WEBHOOK_SECRET to the secret of the source.",
            ),
        ),
    ];
}

/** What the details show while no delivery is selected. */
export function welcome({ sources }, isEmpty) {
    const urls = sources.map((source) => command(source.url, `URL of ${source.name}`));
    const key = (text) => element("kbd", {}, text);
    return element(
        "div",
        { class: "welcome" },
        element(
            "div",
            {},
            element("h2", {}, isEmpty ? "Waiting for the first delivery" : "Select a delivery"),
            element("p", {}, "Its details show why it was accepted or refused, and the message that a consumer gets."),
        ),
        element(
            "div",
            { class: "stack" },
            element("h3", {}, sources.length === 1 ? "Receiving on" : "Receiving on these URLs"),
            urls,
        ),
        element(
            "p",
            {},
            key("j"),
            " ",
            key("k"),
            " move through the list, ",
            key("/"),
            " searches, ",
            key("?"),
            " shows all keys.",
        ),
    );
}
