// The page of `duffel-hooks serve`: connects its parts.
import { knowSources, openSend, send, whenSent, wireSend } from "./actions.js";
import { announce, showConnection } from "./announce.js";
import { Deliveries } from "./deliveries.js";
import { Detail } from "./detail.js";
import { $, element, notify, setting, update } from "./dom.js";
import { Filters } from "./filters.js";
import { wireKeys } from "./keys.js";
import { List } from "./list.js";
import { firstSteps, loadState, showState, welcome } from "./state.js";
import { Stream } from "./stream.js";
import { deliveries as words, number as digits } from "./words.js";

/** The time between two looks at queue and ledger while deliveries arrive. */
const STATE_MS = 500;
/** The time between two looks at them while a consumer receives the messages, of which the stream has nothing. */
const CONSUMER_MS = 1000;
/** How long the selection rests before its details are loaded. */
const REST_MS = 60;

const deliveries = new Deliveries();
const filters = new Filters(deliveries, () => draw());
const list = new List($("list"), { select, open: () => detail.focus(), scroll: (isAtTop) => isAtTop && seen() });
const detail = new Detail($("detail"), { back: () => select(undefined) });
let state = { sources: [], queue: {}, ledger: {} };
/** The deliveries that arrived while the view is paused. */
let waiting;
/** How many deliveries arrived above what the reader looks at. */
let unseen = 0;
let stateTimer;
let restTimer;

function draw(added = 0) {
    const { shown, total, clearedUpTo } = deliveries;
    $("list").hidden = shown.length === 0;
    $("empty").hidden = shown.length > 0;
    if (!shown.length) update($("empty"), ...empty());
    list.show(shown, added);
    filters.update();
    $("count").textContent = shown.length === total ? words(total) : `${digits(shown.length)} of ${words(total)}`;
    $("newer").hidden = unseen === 0;
    $("newer").lastElementChild.textContent = words(unseen, "new ");
    $("clear").textContent = clearedUpTo ? "Show cleared" : "Clear view";
}

/** What the list shows while it is empty. */
function empty() {
    const texts = (title, text) => [element("h3", {}, title), element("p", {}, text)];
    if (deliveries.total && filters.isActive) {
        const button = element("button", { type: "button", onclick: () => filters.reset() }, "Remove the filters");
        return [...texts("No match", "No delivery matches the search and the filters."), button];
    }
    if (deliveries.clearedUpTo)
        return texts("The view is clear", "New deliveries appear here. The earlier ones are hidden.");
    return firstSteps(state);
}

function seen() {
    if (!unseen) return;
    unseen = 0;
    draw();
}

function take(arrived) {
    const { isAtTop } = list;
    const added = deliveries.append(arrived);
    if (!isAtTop) unseen += added;
    draw(added);
    filters.refresh();
    announce(arrived);
    refreshLater(STATE_MS);
}

function refreshLater(time) {
    stateTimer ??= setTimeout(() => {
        stateTimer = undefined;
        void refreshState();
    }, time);
}

async function refreshState() {
    const { length } = state.sources;
    try {
        state = await loadState();
    } catch {
        // The state of the connection is shown anyway.
        return;
    }
    knowSources(state.sources);
    if (!$("state-view").hidden) {
        showState(state);
        if (state.queue.consumer) refreshLater(CONSUMER_MS);
    }
    if (detail.number === undefined) detail.close(welcome(state, !deliveries.newest));
    // The actions of a delivery depend on the sources.
    else if (!length) void detail.open(detail.number);
    if (!deliveries.shown.length) draw();
}

function pause() {
    const arrived = waiting;
    waiting = waiting ? undefined : [];
    $("pause").setAttribute("aria-pressed", String(waiting !== undefined));
    if (arrived?.length) take(arrived);
    showConnection({ waiting: waiting?.length });
}

/** Selects a delivery. The address names it, so that it can be opened again. */
function select(number) {
    history.replaceState(null, "", number === undefined ? "#/" : `#/${number}`);
    route();
}

/** Shows what the address names. */
function route() {
    const place = location.hash.slice(2);
    const isState = place === "state";
    $("deliveries-view").hidden = isState;
    $("state-view").hidden = !isState;
    for (const [id, isHere] of [
        ["to-deliveries", !isState],
        ["to-state", isState],
    ]) {
        if (isHere) $(id).setAttribute("aria-current", "page");
        else $(id).removeAttribute("aria-current");
    }
    document.title = `${isState ? "Queue and ledger" : "Deliveries"} · duffel-hooks serve`;
    if (isState) {
        void refreshState();
        return;
    }
    const number = /^[1-9]\d{0,14}$/.test(place) ? Number(place) : undefined;
    $("deliveries-view").dataset.shows = number === undefined ? "list" : "detail";
    list.select(number, true);
    clearTimeout(restTimer);
    if (number === undefined) detail.close(welcome(state, !deliveries.newest));
    else if (number !== detail.number) restTimer = setTimeout(() => void detail.open(number), REST_MS);
}

function move(step) {
    const next = deliveries.neighbour(list.selected, step);
    if (next) select(next.number);
}

function sendAgain() {
    const delivery = deliveries.find(list.selected);
    if (delivery) void send({ source: delivery.source, delivery: delivery.number, as: "same" });
    else notify("Select a delivery first");
}

/** From details or search back to the list, unless the key has to clear the search first. */
function back({ target }) {
    if (target === $("search") && target.value) return;
    if (matchMedia("(max-width: 900px)").matches) select(undefined);
    list.focus();
}

$("pause").addEventListener("click", pause);
$("clear").addEventListener("click", () => {
    if (deliveries.clearedUpTo) deliveries.showCleared();
    else deliveries.clear();
    unseen = 0;
    draw();
});
$("newer").addEventListener("click", () => {
    list.toTop();
    list.focus();
});
$("theme").value = setting.get("theme") ?? "";
$("theme").addEventListener("change", ({ target }) => {
    setting.set("theme", target.value);
    document.documentElement.dataset.theme = target.value;
});
whenSent((number) => (location.hash = `#/${number}`));
wireSend();
wireKeys(
    {
        j: () => move(1),
        k: () => move(-1),
        "/": () => $("search").focus(),
        s: () => void openSend(),
        p: pause,
        r: sendAgain,
    },
    back,
);
addEventListener("hashchange", route);
route();
void refreshState();
void new Stream({
    state: (state) => showConnection({ state }),
    reset(isAnother) {
        deliveries.forget();
        waiting = waiting && [];
        unseen = 0;
        draw();
        // The number of the selected delivery means another one now, or none.
        if (isAnother && list.selected !== undefined) select(undefined);
        void refreshState();
    },
    older(older) {
        deliveries.prepend(older);
        draw();
    },
    newer(arrived) {
        if (!waiting) {
            take(arrived);
            return;
        }
        waiting = waiting.concat(arrived).slice(-10_000);
        showConnection({ waiting: waiting.length });
    },
}).start();
