// Elements made from code. Data becomes text nodes and attributes only, never HTML.
import { visible } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

/** Makes an element. A property that begins with `on` is a listener, a value of `true` an attribute without a value. */
export function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return made;
}

export const iconOf = (name) => `#icon-${name}`;

export function icon(name) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", iconOf(name));
    svg.append(use);
    return svg;
}

/** Returns nodes of a foreign text in which characters that cannot be seen are shown as their code point. */
export function foreign(text) {
    return visible(String(text)).map((part) =>
        part.hidden ? element("span", { class: "code-point" }, part.text) : part.text,
    );
}

/** Replaces the children that differ from new ones, so that the others keep focus and selection. */
export function update(parent, ...nodes) {
    const { activeElement } = document;
    const name = parent.contains(activeElement) && (activeElement.ariaLabel ?? activeElement.getAttribute("href"));
    nodes.forEach((node, at) => {
        const old = parent.children[at];
        if (!old) parent.append(node);
        else if (!old.isEqualNode(node)) old.replaceWith(node);
    });
    while (parent.children.length > nodes.length) parent.lastElementChild.remove();
    if (!name || parent.contains(document.activeElement)) return;
    const again = [...parent.querySelectorAll("[aria-label], a")];
    again.find((one) => name === (one.ariaLabel ?? one.getAttribute("href")))?.focus({ preventScroll: true });
}

/** Shows a short confirmation, which screen readers announce. */
export function notify(text) {
    const notice = $("notice");
    notice.textContent = text;
    clearTimeout(notify.timer);
    notify.timer = setTimeout(() => (notice.textContent = ""), 5000);
}

/** Copies a text that may still be on its way. The clipboard must be asked at once, while the click counts. */
export async function copy(what, text) {
    try {
        const blob = Promise.resolve(text).then((text) => new Blob([text], { type: "text/plain" }));
        await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
        notify(`Copied: ${what}`);
    } catch (error) {
        const reason = await Promise.resolve(text).then(
            () => "the browser does not allow it",
            (error) => error.message,
        );
        notify(`Not copied: ${reason}`);
    }
}

/** A command with a button that copies it. */
export function command(text, what) {
    const button = element("button", { type: "button", onclick: () => copy(what, text) }, "Copy");
    button.setAttribute("aria-label", `Copy ${what}`);
    return element("div", { class: "command" }, element("code", {}, ...foreign(text)), button);
}

/** A setting of the reader that survives a reload where the browser has storage. */
export const setting = {
    get(name) {
        try {
            return localStorage.getItem(name);
        } catch {
            return null;
        }
    },
    set(name, value) {
        try {
            if (value) localStorage.setItem(name, value);
            else localStorage.removeItem(name);
        } catch {
            // The setting counts until the page is closed.
        }
    },
};

/** Fetches from the server; its error is one sentence. */
export async function ask(path, options) {
    let response;
    try {
        response = await fetch(path, options);
    } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new Error("the server does not answer: is duffel-hooks serve still running?");
    }
    if (response.ok) return response;
    const answer = await response.json().catch(() => ({}));
    throw new Error(answer.error ?? `the server answered ${response.status}`);
}

export const askJson = async (path, options) => (await ask(path, options)).json();
