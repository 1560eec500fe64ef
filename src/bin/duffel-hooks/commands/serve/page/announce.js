// What the page says by itself: the state of the connection, and refused deliveries to screen readers.
import { $ } from "./dom.js";
import { deliveries, line, reasonOf } from "./words.js";

/** The time between two announcements. */
const BETWEEN_MS = 3000;
const FIRST_MS = 200;

const STATES = { connecting: "Connecting", connected: "Connected", lost: "Connection lost, trying again" };

let state = "connecting";
let waiting;
let refused = [];
let timer;
let announcedAt = -Infinity;

/** Shows the state of the connection and, while the view is paused, the number of deliveries that wait. */
export function showConnection(change) {
    ({ state, waiting } = { state, waiting, ...change });
    const isPaused = waiting !== undefined && state === "connected";
    const text = isPaused ? `Paused, ${deliveries(waiting, "new ")}` : STATES[state];
    // A text that does not change is not announced again.
    if ($("connection").textContent !== text) $("connection").textContent = text;
    $("connection").dataset.state = isPaused ? "paused" : state;
}

/** Announces refused and failed deliveries: one by its reason, several at once by their number. */
export function announce(arrived) {
    refused.push(...arrived.filter((delivery) => delivery.status >= 400));
    if (!refused.length || timer) return;
    const pause = announcedAt + BETWEEN_MS - performance.now();
    timer = setTimeout(
        () => {
            const last = refused.at(-1);
            const which =
                refused.length > 1
                    ? `${deliveries(refused.length)} refused. The last one: `
                    : `Delivery ${last.number} refused: `;
            $("announcer").textContent = line(which + reasonOf(last));
            refused = [];
            timer = undefined;
            announcedAt = performance.now();
        },
        Math.max(pause, FIRST_MS),
    );
}
