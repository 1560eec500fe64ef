// Who uses the page how: by keyboard, with a screen reader, in dark, on a narrow screen, with less motion.
import assert from "node:assert/strict";
import { details, open, row, rows } from "../page.mjs";
import { order } from "../serve.mjs";

const focused = (page) => page.evaluate(() => document.activeElement.id);
const selected = (page) => page.locator("#list [aria-selected=true]").getAttribute("id");

export async function keyboard({ page, serve }) {
    for (const name of ["one", "two", "three"]) await serve.deliver(order(name));
    await row(page, 3).waitFor();
    const press = (key) => page.keyboard.press(key);
    const isSelected = async (number) => {
        assert.equal(await selected(page), `row-${number}`);
        assert.equal(await page.locator("#list").getAttribute("aria-activedescendant"), `row-${number}`);
    };
    await press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    await press("Enter");
    assert.equal(await focused(page), "list");
    await press("ArrowDown");
    await isSelected(3);
    await press("ArrowDown");
    await isSelected(2);
    await press("End");
    await isSelected(1);
    await press("ArrowDown");
    await isSelected(1);
    await press("k");
    await isSelected(2);
    await press("j");
    await isSelected(1);
    await details(page, 1);
    await press("Enter");
    assert.equal(await focused(page), "detail");
    await press("Escape");
    assert.equal(await focused(page), "list");

    await press("/");
    assert.equal(await focused(page), "search");
    await page.keyboard.type("wev_two jkspr?/");
    assert.equal(await page.locator("#search").inputValue(), "wev_two jkspr?/", "a key did something else");
    await press("Escape");
    assert.equal(await page.locator("#search").inputValue(), "");
    await press("Escape");
    assert.equal(await focused(page), "list");

    await press("r");
    await details(page, 4);
    assert.match((await rows(page))[0], /200 duplicate/);
    await press("s");
    const dialog = page.getByRole("dialog", { name: "Send a sample" });
    await dialog.waitFor();
    await press("Escape");
    await dialog.waitFor({ state: "hidden" });
    await press("p");
    await page.getByText("Paused").waitFor();
    await press("p");

    // The tabs, with the arrow keys.
    await page.getByRole("tab", { name: "Body" }).focus();
    await press("ArrowRight");
    assert.match(await page.locator("[role=tab]:focus").innerText(), /Headers/);
    await press("ArrowLeft");
    await press("ArrowLeft");
    assert.match(await page.locator("[role=tab]:focus").innerText(), /Ledger record/);

    // Every key is in the list of keys, and they can be switched off, for those who speak to their computer.
    await press("?");
    const help = page.getByRole("dialog", { name: "Keyboard" });
    for (const key of ["j", "k", "/", "s", "r", "p", "?", "Esc", "Enter", "Home"]) {
        await help.locator("kbd", { hasText: new RegExp(`^${key.replace("?", "\\?")}$`) }).waitFor();
    }
    await help.getByRole("checkbox").uncheck();
    await help.getByRole("button", { name: "Close" }).click();
    await press("p");
    assert.equal(await page.getByText("Paused").count(), 0);
    await page.reload();
    await row(page, 4).waitFor();
    await press("p");
    assert.equal(await page.getByText("Paused").count(), 0);
}

/** Everything that can have the focus shows that it has it. */
export async function focus_is_visible({ page, serve }) {
    await serve.deliver(order("focus"));
    await row(page, 1).waitFor();
    await open(page, 1);
    await page.locator(".skip").focus();
    const seen = new Set();
    for (let step = 0; step < 60; step += 1) {
        await page.keyboard.press("Tab");
        const { name, isVisible } = await page.evaluate(() => {
            const { activeElement: element } = document;
            const styles = [element, element.closest(".chip")].filter(Boolean).map((one) => getComputedStyle(one));
            const isVisible = styles.some(
                (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
            );
            return { name: element.id || element.textContent.slice(0, 40) || element.ariaLabel, isVisible };
        });
        if (name === undefined || (await page.evaluate(() => document.activeElement === document.body))) continue;
        assert(isVisible, `the focus on ${name} cannot be seen`);
        seen.add(name);
    }
    for (const name of ["open-send", "search", "list", "pause", "tab-Body"])
        assert(seen.has(name), `${name}: ${[...seen]}`);
}

/** Refused deliveries are announced; many of them once, and accepted ones never. */
export async function announcements({ page, serve }) {
    await page.evaluate(() => {
        window.announced = [];
        const announcer = document.getElementById("announcer");
        new MutationObserver(() => window.announced.push(announcer.textContent)).observe(announcer, {
            childList: true,
        });
    });
    const announced = () => page.evaluate(() => window.announced);
    assert.equal(await page.locator("#announcer").getAttribute("aria-live"), "polite");
    await serve.deliver(order("accepted"));
    await row(page, 1).waitFor();
    await serve.send(order("refused"));
    await page.waitForFunction(() => window.announced.length === 1);
    assert.match((await announced())[0], /^Delivery 2 refused: there is no signature header/);
    for (let number = 0; number < 300; number += 1) await serve.send(order("refused"));
    await page.waitForFunction(() => window.announced.some((text) => /^\d+ deliveries refused/.test(text)));
    await page.locator("#count", { hasText: "302 deliveries" }).waitFor();
    assert((await announced()).length <= 3, `${await announced()}`);
}

async function everyState(page, serve, check) {
    await check("empty");
    await serve.deliver(order("accessible"));
    await serve.deliver(order("accessible"));
    await serve.send(order("refused"), { authorization: "Bearer x" });
    await row(page, 3).waitFor();
    await check("list");
    for (const number of [1, 2, 3]) {
        await open(page, number);
        for (const name of ["Body", "Headers", "Message", "Ledger record"]) {
            await page.getByRole("tab", { name }).click();
            await check(`delivery ${number}, ${name}`);
        }
    }
    await page.getByRole("button", { name: "Send a sample" }).click();
    await check("dialog: send");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Keyboard" }).click();
    await check("dialog: keyboard");
    await page.keyboard.press("Escape");
    await page.getByRole("searchbox").fill("nothing has this");
    await page.getByText("No match").waitFor();
    await check("no match");
    await page.getByRole("link", { name: "Queue and ledger" }).click();
    await page.getByRole("table", { name: "Records of the ledger" }).waitFor();
    await check("queue and ledger");
}

const accessible = async ({ page, serve, axe }) => {
    await everyState(page, serve, async (state) => {
        // A colour that is on its way to another one has no contrast to measure.
        await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
        assert.deepEqual(await axe(page), [], state);
    });
};

export const accessible_light = (given) => accessible(given);
accessible_light.context = { colorScheme: "light" };
export const accessible_dark = (given) => accessible(given);
accessible_dark.context = { colorScheme: "dark" };
export const accessible_narrow = (given) =>
    everyState(given.page, given.serve, async (state) => {
        const overflow = await given.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert(overflow <= 0, `${state}: ${overflow} px are beyond the screen`);
        const back = given.page.getByRole("button", { name: "All deliveries" });
        if (state.startsWith("delivery") && state.endsWith("record")) {
            await back.click();
            await back.waitFor({ state: "hidden" });
        }
        assert.deepEqual(await given.axe(given.page), [], state);
    });
accessible_narrow.context = { viewport: { width: 600, height: 800 } };

export async function colours({ page, context, open: openPage }) {
    const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.emulateMedia({ colorScheme: "light" });
    const light = await ground(page);
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await ground(page);
    assert.notEqual(light, dark);
    await page.getByLabel("Colours").selectOption("light");
    assert.equal(await ground(page), light);
    await page.close();
    const fresh = await openPage();
    await fresh.emulateMedia({ colorScheme: "dark" });
    assert.equal(await ground(fresh), light, "the choice is not kept");
    await fresh.getByLabel("Colours").selectOption("");
    assert.equal(await ground(fresh), dark);
    assert.equal((await context.storageState()).origins.flatMap(({ localStorage }) => localStorage).length, 0);
}

export async function less_motion({ page, serve }) {
    await serve.deliver(order("moving"));
    await row(page, 1).waitFor();
    assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
}
less_motion.context = { reducedMotion: "reduce" };
