// The list of deliveries: only the rows that can be seen are elements, so that 10,000 are as quick as ten.
import { element, icon, iconOf } from "./dom.js";
import { line, summaryOf, time, titleOf } from "./words.js";

const ROW = 60;
/** Rows above and below the visible ones. */
const SPARE = 6;

export class List {
    selected;
    #frame;
    #space = element("div", { class: "rows", role: "presentation" });
    #rows = [];
    #items = [];
    #on;
    #drawing;
    #height = 0;

    /** `on` has `select(number)`, `open()` and `scroll(isAtTop)`. */
    constructor(frame, on) {
        this.#frame = frame;
        this.#on = on;
        frame.append(this.#space);
        frame.addEventListener(
            "scroll",
            () => {
                on.scroll(frame.scrollTop < ROW);
                this.#drawing ??= requestAnimationFrame(() => this.draw());
            },
            { passive: true },
        );
        frame.addEventListener("click", (event) => {
            const row = event.target.closest(".row");
            if (row) on.select(Number(row.dataset.number));
        });
        frame.addEventListener("keydown", (event) => this.#key(event));
        new ResizeObserver(([entry]) => {
            this.#height = entry.contentRect.height;
            this.draw();
        }).observe(frame);
    }

    get isAtTop() {
        return this.#frame.scrollTop < ROW;
    }

    toTop() {
        this.#frame.scrollTop = 0;
    }

    focus() {
        this.#frame.focus();
    }

    /** Shows deliveries, oldest first. `added` newer ones must not move what the reader looks at. */
    show(items, added = 0) {
        this.#items = items;
        this.#space.style.height = `${items.length * ROW}px`;
        if (added && !this.isAtTop) this.#frame.scrollTop += added * ROW;
        this.draw(this.isAtTop ? added : 0);
    }

    select(number, isToBeSeen) {
        this.selected = number;
        const index = this.#index();
        if (isToBeSeen && index >= 0) {
            const [top, { scrollTop }] = [index * ROW, this.#frame];
            if (top < scrollTop) this.#frame.scrollTop = top;
            else if (top + ROW > scrollTop + this.#height) this.#frame.scrollTop = top + ROW - this.#height;
        }
        this.draw();
    }

    /** Draws the visible rows. The newest `arrived` ones are marked for a moment. */
    draw(arrived = 0) {
        cancelAnimationFrame(this.#drawing);
        this.#drawing = undefined;
        const total = this.#items.length;
        const wanted = Math.ceil(this.#height / ROW) + 2 * SPARE;
        while (this.#rows.length < wanted) this.#rows.push(this.#row());
        const first = Math.max(0, Math.floor(this.#frame.scrollTop / ROW) - SPARE);
        const last = Math.min(total, first + wanted);
        const isDrawn = new Set();
        for (let index = first; index < last; index += 1) {
            // Counted from the oldest one, so that an arrival changes one row and not all.
            const place = (total - 1 - index) % this.#rows.length;
            isDrawn.add(place);
            this.#fill(this.#rows[place], this.#items[total - 1 - index], index, index < arrived);
        }
        this.#rows.forEach((row, place) => (row.root.hidden = !isDrawn.has(place)));
        const index = this.#index();
        if (index >= first && index < last) this.#frame.setAttribute("aria-activedescendant", `row-${this.selected}`);
        else this.#frame.removeAttribute("aria-activedescendant");
    }

    #row() {
        const part = (tag, name) => element(tag, { class: name });
        const svg = icon("accepted");
        const row = { icon: svg.firstChild, title: part("span", "title"), time: part("span", "time") };
        Object.assign(row, { status: element("b"), text: element("span"), number: part("span", "number") });
        const reason = element("span", { class: "reason" }, row.status, " ", row.text);
        const badge = element("span", { class: "badge" }, svg);
        row.root = element("div", { class: "row", role: "option" }, badge, row.title, row.time, reason, row.number);
        this.#space.append(row.root);
        return row;
    }

    #fill(row, delivery, index, isNew) {
        const { root } = row;
        if (row.delivery !== delivery) {
            row.delivery = delivery;
            root.id = `row-${delivery.number}`;
            root.dataset.number = delivery.number;
            root.dataset.kind = delivery.kind;
            row.icon.setAttribute("href", iconOf(delivery.kind));
            row.title.textContent = line(titleOf(delivery));
            row.time.textContent = time(delivery.received_at);
            row.status.textContent = `${delivery.status} ${delivery.outcome.replaceAll("_", " ")}`;
            row.text.textContent = line(summaryOf(delivery));
            row.number.textContent = `#${delivery.number}`;
            root.classList.toggle("arrived", isNew);
        }
        root.style.transform = `translateY(${index * ROW}px)`;
        root.setAttribute("aria-selected", String(delivery.number === this.selected));
        root.setAttribute("aria-posinset", index + 1);
        root.setAttribute("aria-setsize", this.#items.length);
    }

    /** The selected delivery's place in the list, or -1. */
    #index() {
        if (this.selected === undefined) return -1;
        const at = this.#items.findLastIndex((delivery) => delivery.number <= this.selected);
        return at >= 0 && this.#items[at].number === this.selected ? this.#items.length - 1 - at : -1;
    }

    #key(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        const page = Math.max(1, Math.floor(this.#height / ROW) - 1);
        const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
        const total = this.#items.length;
        if (event.key in steps && total) {
            event.preventDefault();
            const [index, step] = [this.#index(), steps[event.key]];
            const next = index < 0 && Number.isFinite(step) ? 0 : Math.min(Math.max(index + step, 0), total - 1);
            this.#on.select(this.#items[total - 1 - next].number);
        } else if (event.key === "Enter") {
            event.preventDefault();
            this.#on.open();
        }
    }
}
