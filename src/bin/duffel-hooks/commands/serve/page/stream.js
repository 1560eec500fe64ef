// The deliveries as they arrive: what the server has already, then its stream, which resumes after an interruption.
import { askJson } from "./dom.js";

const FIRST_PAGE = 200;
const PAGE = 2000;
/** Deliveries that arrive within this time are shown together. */
const TOGETHER_MS = 60;
const RETRY_MS = 1500;

export class Stream {
    #on;
    #events;
    #arrived = [];
    #timer;
    #load = 0;
    /** The run of the server. */
    #instance;

    /** `on` has `reset(isAnotherServer)`, `older(deliveries)`, `newer(deliveries)` and `state(word)`. */
    constructor(on) {
        this.#on = on;
    }

    /** Loads everything. The newest deliveries are shown first, the rest follows in pages. */
    async start() {
        const load = ++this.#load;
        this.#events?.close();
        this.#arrived = [];
        try {
            const first = await askJson(`/inspector/deliveries?limit=${FIRST_PAGE}`);
            if (load !== this.#load) return;
            this.#on.reset(this.#instance !== undefined && this.#instance !== first.instance);
            this.#instance = first.instance;
            this.#on.older(first.deliveries, first);
            this.#follow(first.deliveries[0]?.number ?? first.total);
            let oldest = first.deliveries.at(-1)?.number;
            for (let page = first; page.deliveries.length && oldest > 1;) {
                page = await askJson(`/inspector/deliveries?before=${oldest}&limit=${PAGE}`);
                if (load !== this.#load) return;
                this.#on.older(page.deliveries, page);
                oldest = page.deliveries.at(-1)?.number;
            }
        } catch {
            if (load === this.#load) this.#again();
        }
    }

    #follow(newest) {
        const events = new EventSource(`/inspector/stream?after=${newest}`);
        this.#events = events;
        // The numbers begin again when the server is started again.
        events.addEventListener(
            "start",
            ({ data }) => JSON.parse(data).instance !== this.#instance && void this.start(),
        );
        events.onopen = () => this.#on.state("connected");
        events.onerror = () => {
            this.#on.state("lost");
            // The browser tries again by itself unless the server answered with an error.
            if (events.readyState === EventSource.CLOSED) this.#again();
        };
        events.addEventListener("delivery", ({ data }) => {
            this.#arrived.push(JSON.parse(data));
            this.#timer ??= setTimeout(() => this.#pass(), TOGETHER_MS);
        });
        events.addEventListener("reset", () => void this.start());
    }

    #pass() {
        this.#timer = undefined;
        const arrived = this.#arrived;
        this.#arrived = [];
        if (arrived.length) this.#on.newer(arrived);
    }

    #again() {
        const load = this.#load;
        this.#on.state("lost");
        setTimeout(() => load === this.#load && void this.start(), RETRY_MS);
    }
}
