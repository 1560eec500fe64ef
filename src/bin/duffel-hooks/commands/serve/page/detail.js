// The details of the selected delivery.
import { askJson, element, foreign, icon, update } from "./dom.js";
import { actions } from "./actions.js";
import { bodyPanel, jsonBox } from "./body.js";
import { bytes, kindOf, milliseconds, moment, sentence, titleOf } from "./words.js";

/** The kind whose colour and icon a result has. */
const RESULTS = { passed: "accepted", stopped: "duplicate", failed: "refused", skipped: "ignored" };
const KEYS = { ArrowRight: 1, ArrowLeft: -1 };

export class Detail {
    #pane;
    #on;
    #request;
    #tab = "Body";
    number;

    /** `on` has `back()` and `select(number)`. */
    constructor(pane, on) {
        this.#pane = pane;
        this.#on = on;
    }

    focus() {
        this.#pane.focus();
    }

    /** Shows what there is to see without a delivery. */
    close(...nodes) {
        this.#request?.abort();
        this.number = undefined;
        this.#pane.removeAttribute("aria-busy");
        update(this.#pane, ...nodes);
    }

    /** Loads and shows a delivery. */
    async open(number) {
        this.#request?.abort();
        this.#request = new AbortController();
        const { signal } = this.#request;
        this.number = number;
        this.#pane.setAttribute("aria-busy", "true");
        try {
            const delivery = await askJson(`/inspector/deliveries/${number}`, { signal });
            if (!signal.aborted) this.#show(delivery);
        } catch (error) {
            if (signal.aborted) return;
            const text = `Delivery #${number} cannot be shown: ${error.message}`;
            this.#pane.replaceChildren(
                element("div", { class: "delivery" }, this.#back(), element("p", { role: "alert" }, text)),
            );
        }
        this.#pane.removeAttribute("aria-busy");
    }

    #show(delivery) {
        const kind = kindOf(delivery);
        const pill = element(
            "span",
            { class: "pill" },
            icon(kind),
            `${delivery.status} ${delivery.outcome.replaceAll("_", " ")}`,
        );
        const root = element(
            "div",
            { class: "delivery", "data-kind": kind, "data-number": delivery.number },
            this.#back(),
            element("div", { class: "headline" }, pill, element("h2", {}, ...foreign(titleOf(delivery)))),
            this.#facts(delivery),
            element(
                "div",
                { class: "verdict" },
                element("p", { class: "reason" }, ...foreign(sentence(delivery.reason))),
                // The reason usually ends with the hint.
                delivery.hint &&
                    !delivery.reason?.includes(delivery.hint) &&
                    element("p", { class: "hint" }, element("b", {}, "Hint: "), ...foreign(sentence(delivery.hint))),
            ),
            actions(delivery),
            element("h3", {}, "How it was decided"),
            steps(delivery.explanation),
            ...this.#tabs(delivery),
        );
        this.#pane.replaceChildren(root);
        this.#pane.scrollTop = 0;
    }

    #back() {
        return element(
            "button",
            { type: "button", class: "back", onclick: () => this.#on.back() },
            icon("back"),
            "All deliveries",
        );
    }

    #facts(delivery) {
        const facts = [
            ["Number", `#${delivery.number}`],
            ["Source", delivery.source],
            ["Event", delivery.event_id],
            ["Received", moment(delivery.received_at)],
            ["Size", bytes(delivery.bytes)],
            ["Took", milliseconds(delivery.duration_ms)],
            ["Sent by", delivery.sent_by === "page" && !delivery.resend_of ? "this page" : null],
        ];
        const pair = (name, ...value) => element("div", {}, element("dt", {}, name), element("dd", {}, ...value));
        const list = facts.filter(([, value]) => value).map(([name, value]) => pair(name, ...foreign(value)));
        if (delivery.resend_of) {
            list.push(
                pair("Sent again from", element("a", { href: `#/${delivery.resend_of}` }, `#${delivery.resend_of}`)),
            );
        }
        return element("dl", { class: "facts" }, list);
    }

    #tabs(delivery) {
        const inAws = delivery.in_aws && "It is in AWS: this page does not read it there.";
        const json = (value, title, label, none) =>
            value ? jsonBox(title, JSON.stringify(value), label) : element("p", { class: "note" }, inAws || none);
        const panels = {
            Body: () => bodyPanel(delivery.body),
            Headers: () => headers(delivery.headers),
            Message: () =>
                json(
                    delivery.message,
                    "As a consumer receives it",
                    "message",
                    "No message was sent for this delivery.",
                ),
            Record: () => json(delivery.record, "In the ledger", "record", "The ledger has no record of this event."),
        };
        const panel = element("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
        const names = { Headers: `Headers (${delivery.headers.length})`, Record: "Ledger record" };
        const tabs = Object.keys(panels).map((name) =>
            element(
                "button",
                {
                    type: "button",
                    role: "tab",
                    id: `tab-${name}`,
                    "aria-controls": "panel",
                    onclick: () => choose(name),
                },
                names[name] ?? name,
            ),
        );
        const choose = (name, isFocused) => {
            this.#tab = name;
            for (const tab of tabs) {
                const isChosen = tab.id === `tab-${name}`;
                tab.setAttribute("aria-selected", String(isChosen));
                tab.tabIndex = isChosen ? 0 : -1;
                if (isChosen && isFocused) tab.focus();
            }
            panel.setAttribute("aria-labelledby", `tab-${name}`);
            panel.replaceChildren(panels[name]());
        };
        const list = element("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the delivery" }, tabs);
        list.addEventListener("keydown", (event) => {
            if (!(event.key in KEYS)) return;
            event.preventDefault();
            const all = Object.keys(panels);
            choose(all.at((all.indexOf(this.#tab) + KEYS[event.key]) % all.length), true);
        });
        choose(this.#tab);
        return [list, panel];
    }
}

function steps(explanation) {
    const step = ({ step, result, text }) =>
        element(
            "li",
            { "data-kind": RESULTS[result], "data-result": result },
            element("span", { class: "badge" }, icon(RESULTS[result])),
            element("span", { class: "name" }, sentence(step)),
            element(
                "span",
                { class: "text" },
                element("span", { class: "hidden-text" }, `${result}: `),
                ...foreign(sentence(text)),
            ),
        );
    return element("ol", { class: "steps" }, explanation.map(step));
}

function headers(list) {
    if (!list.length) return element("p", { class: "note" }, "There are no headers.");
    const row = ([name, value, isMasked]) =>
        element(
            "tr",
            {},
            element("th", { scope: "row", class: "mono" }, ...foreign(name)),
            element(
                "td",
                { class: "mono" },
                isMasked ? element("span", { class: "masked" }, "masked") : foreign(value),
            ),
        );
    const caption = element("caption", { class: "hidden-text" }, "Headers as they were received");
    return element(
        "div",
        { class: "scroll" },
        element("table", { class: "table" }, caption, element("tbody", {}, list.map(row))),
    );
}
