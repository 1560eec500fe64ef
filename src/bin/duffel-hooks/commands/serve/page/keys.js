// The keys that work everywhere on the page, and the dialog that lists them.
import { $, setting } from "./dom.js";

const isTyping = (target) => target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea, dialog");

/** `actions` has a function for each key. */
export function wireKeys(actions, back) {
    const box = $("single-keys");
    box.checked = setting.get("single-keys") !== "off";
    box.addEventListener("change", () => setting.set("single-keys", box.checked ? "" : "off"));
    const help = () => $("help-dialog").showModal();
    $("open-help").addEventListener("click", help);
    document.addEventListener("keydown", (event) => {
        if (
            event.ctrlKey ||
            event.metaKey ||
            event.altKey ||
            event.defaultPrevented ||
            document.querySelector("dialog[open]")
        )
            return;
        if (event.key === "Escape") back(event);
        if (!box.checked || isTyping(event.target)) return;
        const action = event.key === "?" ? help : actions[event.key];
        if (!action) return;
        event.preventDefault();
        action();
    });
}
