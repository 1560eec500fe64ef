// Filters and search above the list.
import { $, askJson, element } from "./dom.js";
import { KINDS, line, number } from "./words.js";

const TYPING_MS = 150;

export class Filters {
    #deliveries;
    #changed;
    #timer;
    #request;
    #chips = new Map();

    constructor(deliveries, changed) {
        this.#deliveries = deliveries;
        this.#changed = changed;
        for (const [kind, label] of [["", "All"], ...KINDS]) $("outcomes").append(this.#chip(kind, label));
        $("filters").addEventListener("submit", (event) => event.preventDefault());
        for (const name of ["type", "source"]) {
            $(name).addEventListener("change", (event) => this.#set({ [name]: event.target.value }));
        }
        $("search").addEventListener("input", () => this.#search());
    }

    get isActive() {
        return Object.values(this.#deliveries.filter).some((value) => value);
    }

    /** Removes every filter. */
    reset() {
        $("filters").reset();
        this.#search();
        this.#set({ kind: "", type: "", source: "" });
    }

    /** Shows the counts and choices of the deliveries that there are now. */
    update() {
        const { counts, types, sources, filter, total } = this.#deliveries;
        for (const [kind, text] of this.#chips) text.textContent = number(kind ? (counts[kind] ?? 0) : total);
        choices($("type"), "All types", types, filter.type);
        choices($("source"), "All sources", sources, filter.source);
        $("source").hidden = sources.size < 2 && !filter.source;
    }

    /** Searches headers and bodies again, because deliveries arrived. */
    refresh() {
        if (this.#deliveries.filter.text) this.#wait(600);
    }

    #chip(kind, label) {
        const count = element("span", { class: "number" });
        this.#chips.set(kind, count);
        const input = element("input", { type: "radio", name: "kind", value: kind, checked: kind === "" });
        input.addEventListener("change", () => this.#set({ kind }));
        return element("label", { class: "chip", "data-kind": kind || null }, input, label, count);
    }

    #set(filter) {
        Object.assign(this.#deliveries.filter, filter);
        this.#deliveries.apply();
        this.#changed();
    }

    /** What the list shows is searched at once; headers and bodies are searched by the server, after a pause. */
    #search() {
        const text = $("search").value.trim().toLowerCase();
        if (text === this.#deliveries.filter.text) return;
        this.#deliveries.found = new Set();
        this.#set({ text });
        this.#request?.abort();
        if (text) this.#wait(TYPING_MS);
        else clearTimeout(this.#timer);
    }

    #wait(time) {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.#ask(), time);
    }

    async #ask() {
        const { text } = this.#deliveries.filter;
        this.#request?.abort();
        this.#request = new AbortController();
        try {
            const { signal } = this.#request;
            const answer = await askJson(`/inspector/search?q=${encodeURIComponent(text)}`, { signal });
            if (text !== this.#deliveries.filter.text) return;
            this.#deliveries.found = new Set(answer.numbers);
            this.#set({});
        } catch {
            // The search among what the list shows has an answer all the same.
        }
    }
}

/** Offers the values of a map, without touching the element if nothing changed. */
function choices(select, all, values, chosen) {
    const names = [...new Set([...values.keys(), ...(chosen ? [chosen] : [])])].sort();
    const key = JSON.stringify(names);
    if (select.dataset.key === key) return;
    select.dataset.key = key;
    const options = names.map((name) => element("option", { value: name }, line(name)));
    select.replaceChildren(element("option", { value: "" }, all), ...options);
    select.value = chosen;
}
