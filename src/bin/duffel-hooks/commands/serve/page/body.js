// A body, pretty-printed beside its raw bytes.
import { copy, element, foreign } from "./dom.js";
import { bytes } from "./words.js";

/** Larger texts are not coloured, because each colour is an element. */
const COLOURED = 100_000;
/** As much as is shown of a text or of bytes before the reader asks for all of it. */
const SHOWN = 64 * 1024;
const HEX_SHOWN = 16 * 1024;

const TOKEN = /"(?:[^"\\]|\\.)*"|[-+.\w]+|[{}[\],:]/g;

/**
 * The tokens of a JSON text with new white space between them. Numbers and duplicate keys stay as they were sent,
 * which they would not if the text were parsed and written again.
 */
export function pretty(json) {
    JSON.parse(json);
    const tokens = json.match(TOKEN) ?? [];
    const parts = [];
    let depth = 0;
    const put = (text, kind) => {
        const last = parts.at(-1);
        if (last && last.kind === kind) last.text += text;
        else parts.push({ text, kind });
    };
    tokens.forEach((token, index) => {
        const next = tokens[index + 1];
        const newLine = () => put(`\n${"  ".repeat(depth)}`);
        if (token === "{" || token === "[") {
            put(token);
            depth += 1;
            if (next !== "}" && next !== "]") newLine();
        } else if (token === "}" || token === "]") {
            depth -= 1;
            if (tokens[index - 1] !== "{" && tokens[index - 1] !== "[") newLine();
            put(token);
        } else if (token === ",") {
            put(",");
            newLine();
        } else if (token === ":") {
            put(": ");
        } else if (token.startsWith('"')) {
            put(token, next === ":" ? "key" : "string");
        } else {
            put(token, "number");
        }
    });
    return parts;
}

/** A `pre` of JSON, with colours unless it is large; of the text itself if it is not JSON. */
export function jsonBlock(text, label) {
    const block = element("pre", { tabindex: "0", role: "region", "aria-label": label });
    let parts;
    try {
        parts = pretty(text);
    } catch {
        block.append(...foreign(text));
        return { block, isJson: false };
    }
    if (text.length > COLOURED) block.append(...foreign(parts.map((part) => part.text).join("")));
    else {
        const spans = parts.map(({ text, kind }) =>
            kind ? element("span", { class: `json-${kind}` }, ...foreign(text)) : text,
        );
        block.append(...spans);
    }
    return { block, isJson: true };
}

export function bytesOf(body) {
    if (body.text !== undefined) return new TextEncoder().encode(body.text);
    return Uint8Array.from(atob(body.base64), (character) => character.charCodeAt(0));
}

/** Offset, sixteen bytes in hex, and their ASCII characters in each line. */
export function hex(data) {
    const lines = [];
    for (let offset = 0; offset < data.length; offset += 16) {
        const row = [...data.subarray(offset, offset + 16)];
        const digits = row.map((byte) => byte.toString(16).padStart(2, "0"));
        const [left, right] = [digits.slice(0, 8).join(" "), digits.slice(8).join(" ")];
        const text = row.map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
        lines.push(`${offset.toString(16).padStart(6, "0")}  ${left.padEnd(23)}  ${right.padEnd(23)}  ${text}`);
    }
    return lines.join("\n");
}

let rawAs = "plain";

function raw(body, data) {
    const block = element("pre", { tabindex: "0", role: "region", "aria-label": "Raw bytes" });
    const more = element("button", { type: "button", onclick: () => show(rawAs, true) });
    const choice = ["plain", "hex"].map((form) =>
        element("button", { type: "button", onclick: () => show(form) }, form === "hex" ? "Hex" : "Plain"),
    );
    function show(form, isWhole = false) {
        rawAs = form;
        const limit = isWhole ? Infinity : form === "hex" ? HEX_SHOWN : SHOWN;
        const part = data.subarray(0, Math.min(limit, data.length));
        block.className = form === "hex" ? "hex" : "";
        if (form === "hex") block.textContent = hex(part);
        else block.replaceChildren(...foreign(new TextDecoder("utf-8", { ignoreBOM: true }).decode(part)));
        more.hidden = part.length === data.length;
        more.textContent = `Show all ${bytes(data.length)}`;
        ["plain", "hex"].forEach((name, at) => choice[at].setAttribute("aria-pressed", String(name === form)));
    }
    show(rawAs);
    const note = body.text === undefined ? "not UTF-8" : bytes(data.length);
    return element(
        "div",
        { class: "box" },
        element(
            "header",
            {},
            "Raw",
            element("span", { class: "note" }, note),
            element("span", { class: "right" }, more, choice),
        ),
        block,
    );
}

/** A box with JSON and a button that copies it. */
export function jsonBox(title, text, label) {
    const { block, isJson } = jsonBlock(text, label);
    const button = element("button", { type: "button", onclick: () => copy(label, text) }, "Copy");
    button.setAttribute("aria-label", `Copy ${label}`);
    const note = !isJson && element("span", { class: "note" }, "not valid JSON");
    return element(
        "div",
        { class: "box" },
        element("header", {}, title, note, element("span", { class: "right" }, button)),
        block,
    );
}

export function bodyPanel(body) {
    if (!body)
        return element(
            "p",
            { class: "note" },
            "The body is no longer kept, because newer deliveries needed the memory.",
        );
    const data = bytesOf(body);
    if (!data.length) return element("p", { class: "note" }, "The body is empty.");
    const formatted = jsonBox("Formatted", body.text ?? new TextDecoder().decode(data), "body");
    return element("div", { class: "halves" }, formatted, raw(body, data));
}
