// The deliveries that the page has, those that the filters leave, and the counts of both.
import { kindOf, titleOf } from "./words.js";

/** As many as the server keeps. */
const LIMIT = 10_000;

export class Deliveries {
    /** All of them, oldest first. */
    all = [];
    /** Those that the filters leave, oldest first. */
    shown = [];
    counts = {};
    types = new Map();
    sources = new Map();
    filter = { kind: "", type: "", source: "", text: "" };
    /** The deliveries whose headers or body have the text of the search. */
    found = new Set();
    clearedUpTo = 0;

    get newest() {
        return this.all.at(-1);
    }

    /** How many there are without those that were cleared. */
    get total() {
        return Object.values(this.counts).reduce((sum, some) => sum + some, 0);
    }

    find(number) {
        const at = position(this.all, number);
        return this.all[at]?.number === number ? this.all[at] : undefined;
    }

    /** Returns the neighbour of a delivery among those shown: 1 is the next older one, -1 the next newer one. */
    neighbour(number, step) {
        if (!this.shown.length) return undefined;
        if (number === undefined) return this.shown.at(-1);
        const at = position(this.shown, number);
        const isShown = this.shown[at]?.number === number;
        // Of a delivery that the filters hide, the position is that of the next newer one.
        const next = isShown || step > 0 ? at - step : at;
        return this.shown[Math.min(Math.max(next, 0), this.shown.length - 1)];
    }

    /** Adds newer deliveries, oldest first. Returns how many of them are shown. */
    append(deliveries) {
        const newest = this.newest?.number ?? 0;
        const fresh = deliveries.filter((delivery) => delivery.number > newest);
        fresh.forEach((delivery) => this.#prepare(delivery));
        this.all.push(...fresh);
        const matching = fresh.filter((delivery) => this.#matches(delivery));
        this.shown.push(...matching);
        if (this.all.length > LIMIT) this.#drop(this.all.length - LIMIT);
        return matching.length;
    }

    /** Adds older deliveries, newest first as the server lists them. */
    prepend(deliveries) {
        const oldest = this.all[0]?.number ?? Infinity;
        const older = deliveries.filter((delivery) => delivery.number < oldest).reverse();
        older.forEach((delivery) => this.#prepare(delivery));
        this.all = older.concat(this.all).slice(-LIMIT);
        this.apply();
    }

    /** Applies the filters again. */
    apply() {
        this.shown = this.all.filter((delivery) => this.#matches(delivery));
    }

    clear() {
        this.clearedUpTo = this.newest?.number ?? 0;
        this.#reset(this.all);
    }

    showCleared() {
        this.clearedUpTo = 0;
        this.#reset(this.all);
    }

    forget() {
        this.clearedUpTo = 0;
        this.found = new Set();
        this.#reset([]);
    }

    #reset(all) {
        this.all = all;
        this.counts = {};
        this.types = new Map();
        this.sources = new Map();
        this.all.forEach((delivery) => this.#count(delivery, 1));
        this.apply();
    }

    #prepare(delivery) {
        delivery.kind = kindOf(delivery);
        const { event_id, source, method, path, status, outcome, cause, reason, number } = delivery;
        const words = [titleOf(delivery), event_id, source, method, path, status, outcome, cause, reason, `#${number}`];
        delivery.words = words
            .filter((word) => word !== null && word !== undefined)
            .join("\n")
            .toLowerCase();
        this.#count(delivery, 1);
    }

    #count(delivery, step) {
        if (delivery.number <= this.clearedUpTo) return;
        this.counts[delivery.kind] = (this.counts[delivery.kind] ?? 0) + step;
        for (const [map, key] of [
            [this.types, delivery.event_type],
            [this.sources, delivery.source],
        ]) {
            const total = (map.get(key) ?? 0) + step;
            if (total > 0 && key) map.set(key, total);
            else map.delete(key);
        }
    }

    #drop(surplus) {
        const dropped = this.all.splice(0, surplus);
        dropped.forEach((delivery) => this.#count(delivery, -1));
        const oldest = this.all[0].number;
        this.shown.splice(0, position(this.shown, oldest));
    }

    #matches(delivery) {
        const { kind, type, source, text } = this.filter;
        return (
            delivery.number > this.clearedUpTo &&
            (!kind || delivery.kind === kind) &&
            (!type || delivery.event_type === type) &&
            (!source || delivery.source === source) &&
            (!text || delivery.words.includes(text) || this.found.has(delivery.number))
        );
    }
}

/** The position of the first delivery whose number is not below a number. */
function position(deliveries, number) {
    let [low, high] = [0, deliveries.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (deliveries[middle].number < number) low = middle + 1;
        else high = middle;
    }
    return low;
}
