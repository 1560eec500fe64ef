// What can be done with a delivery: send it again in several ways, and copy it. And the dialog that sends a sample.
import { $, ask, askJson, copy, element, notify } from "./dom.js";
import { line } from "./words.js";

const AGAIN = [
    ["same", "Same bytes", "Sends the same headers and body once more"],
    ["new", "As a new event", "Replaces its ids and signs it"],
    ["resigned", "Newly signed", "Signs the same body again, as of now"],
    ["tampered", "Tampered", "Changes the body and keeps the signature"],
    ["stale", "Stale", "Signs it with a time that is older than the tolerance"],
    ["other_secret", "Other secret", "Signs it with a secret that is not active"],
];

/** The type that the dialog suggests. */
const FIRST = "order.created";

const NEED_KEY = new Set(["new", "resigned", "stale"]);

let sources = [];
let samples = [];
let opens = () => {};

/** Where the deliveries that this page sends are opened. */
export const whenSent = (open) => (opens = open);

/** The sources, and whether the server can sign for them. */
export const knowSources = (known) => (sources = known);

/** Sends, and opens the delivery that it became. */
export async function send(request) {
    try {
        const answer = await askJson("/inspector/send", {
            method: "POST",
            headers: { "Content-Type": "application/json" },
            body: JSON.stringify(request),
        });
        notify(`Sent: delivery #${answer.number}`);
        opens(answer.number);
    } catch (error) {
        notify(`Not sent: ${error.message}`);
    }
}

const sourceOf = (name) => sources.find((source) => source.name === name);

export function actions(delivery) {
    const source = sourceOf(delivery.source);
    const again = AGAIN.map(([as, label, title]) => {
        const cannot = !delivery.body || (as !== "same" && !source) || (NEED_KEY.has(as) && !source?.can_sign);
        const why = cannot ? "This needs the body, a source, and a secret that duffel-hooks serve has" : title;
        const run = () => send({ source: delivery.source, delivery: delivery.number, as });
        return element("button", { type: "button", disabled: cannot, title: why, onclick: run }, label);
    });
    const text = (what) => ask(`/inspector/deliveries/${delivery.number}/${what}`).then((response) => response.text());
    const copied = [
        ["curl", "curl", "curl command"],
        ["gateway-event", "Gateway event", "gateway event"],
    ].map(([path, label, what]) =>
        element("button", { type: "button", disabled: !delivery.body, onclick: () => copy(what, text(path)) }, label),
    );
    const group = (label, buttons) =>
        element("div", { role: "group", "aria-label": label }, element("span", {}, label), buttons);
    return element("div", { class: "actions" }, group("Send again", again), group("Copy as", copied));
}

/** Says what is not known of a sample, or why it cannot be sent. */
function showNote() {
    const source = sourceOf($("send-source").value);
    const sample = samples.find(({ type, scheme }) => type === $("send-type").value && scheme === source?.scheme);
    const notes = [
        !sample && "There is no sample for this source.",
        sample?.caveat,
        !source?.can_sign && "No secret of this source is known here, so only another secret can sign.",
    ];
    $("send-note").textContent = notes.filter(Boolean).join(" ");
    document.querySelector("#send-form [value=send]").disabled = !sample;
}

/** Fills the list of types with those of the chosen source. */
function showTypes() {
    const source = sourceOf($("send-source").value);
    const types = samples.filter((sample) => sample.scheme === source?.scheme).map((sample) => sample.type);
    const options = types.map((type) => element("option", { value: type, selected: type === FIRST }, line(type)));
    $("send-type").replaceChildren(...options);
    for (const input of document.querySelectorAll("#send-as input")) {
        input.disabled = !source?.can_sign && input.value !== "other_secret";
        if (input.disabled && input.checked) document.querySelector("#send-as [value=other_secret]").checked = true;
    }
    showNote();
}

export async function openSend() {
    try {
        samples = await askJson("/inspector/samples");
    } catch (error) {
        notify(`Cannot send: ${error.message}`);
        return;
    }
    const select = $("send-source");
    const chosen = select.value;
    select.replaceChildren(...sources.map(({ name }) => element("option", { value: name }, line(name))));
    if (sourceOf(chosen)) select.value = chosen;
    showTypes();
    if (!$("send-dialog").open) $("send-dialog").showModal();
}

export function wireSend() {
    $("open-send").addEventListener("click", () => void openSend());
    $("send-source").addEventListener("change", showTypes);
    $("send-type").addEventListener("change", showNote);
    $("send-dialog").addEventListener("close", () => {
        if ($("send-dialog").returnValue !== "send") return;
        const form = new FormData($("send-form"));
        void send({ source: $("send-source").value, type: $("send-type").value, as: form.get("as") });
    });
}
