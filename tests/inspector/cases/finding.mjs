// The list: filters, search, pause, and 10,000 deliveries.
import assert from "node:assert/strict";
import { details, open, row, rows } from "../page.mjs";
import { order, sample } from "../serve.mjs";

const count = (page) => page.locator("#count").innerText();

export async function filters({ page, serve }) {
    await serve.deliver(order("one", { note: "a needle in the body" }));
    await serve.deliver(order("one"));
    await serve.deliver(sample("ping.triggered"), { headers: { "x-request-id": "needle-in-a-header" } });
    await serve.send(order("two"));
    await row(page, 4).waitFor();
    assert.equal(await count(page), "4 deliveries");

    await page.getByRole("radio", { name: /^Refused/ }).check();
    assert.equal(await count(page), "1 of 4 deliveries");
    await page.getByRole("radio", { name: /^Duplicate/ }).check();
    assert.match((await rows(page)).join(), /^order\.created .*200 duplicate/);
    await page.getByRole("radio", { name: /^All/ }).check();
    const type = page.getByRole("search").getByLabel("Type");
    await type.selectOption("ping.triggered");
    assert.equal(await count(page), "1 of 4 deliveries");
    await type.selectOption("");

    const search = page.getByRole("searchbox", { name: "Search" });
    const finds = async (text, shown) => {
        await search.fill(text);
        await page.locator("#count", { hasText: shown }).waitFor();
    };
    await finds("WEV_ONE", "2 of 4 deliveries");
    await finds("no signature", "1 of 4 deliveries");
    await finds("a needle in the BODY", "1 of 4 deliveries");
    await finds("needle", "2 of 4 deliveries");
    // What arrives during the search is searched too.
    await serve.deliver(order("three", { note: "needle" }));
    await page.locator("#count", { hasText: "3 of 5 deliveries" }).waitFor();
    await finds("not in any delivery", "0 of 5 deliveries");
    await page.getByText("No match").waitFor();
    await page.getByRole("button", { name: "Remove the filters" }).click();
    assert.equal(await count(page), "5 deliveries");
}

export async function pausing({ page, serve }) {
    await serve.deliver(order("one"));
    await row(page, 1).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await serve.deliver(order("two"));
    await serve.deliver(order("three"));
    await page.getByText("Paused, 2 new deliveries").waitFor();
    assert.equal(await count(page), "1 delivery");
    await page.getByRole("button", { name: "Pause" }).click();
    assert.equal(await count(page), "3 deliveries");

    await page.getByRole("button", { name: "Clear view" }).click();
    await page.getByText("The view is clear").waitFor();
    await serve.deliver(order("four"));
    await row(page, 4).waitFor();
    assert.equal(await count(page), "1 delivery");
    await page.getByRole("button", { name: "Show cleared" }).click();
    assert.equal(await count(page), "4 deliveries");
}

/** Deliveries that arrive do not move what the reader looks at. */
export async function reading({ page, serve }) {
    for (let number = 1; number <= 40; number += 1) await serve.deliver(order(`reading-${number}`));
    await row(page, 40).waitFor();
    await page.locator("#list").evaluate((list) => (list.scrollTop = 900));
    await row(page, 20).waitFor();
    const top = () => row(page, 20).evaluate((row) => row.getBoundingClientRect().top);
    const before = await top();
    await serve.deliver(order("reading-more"));
    await page.getByRole("button", { name: "1 new delivery" }).waitFor();
    assert.equal(await top(), before);
    await page.getByRole("button", { name: "1 new delivery" }).click();
    await row(page, 41).waitFor();
    await page.getByRole("button", { name: "1 new delivery" }).waitFor({ state: "hidden" });
}

/** The durations between frames while something runs, sorted. */
const frames = (page, run) =>
    page.evaluate(async (run) => {
        const list = document.getElementById("list");
        const search = document.getElementById("search");
        const step = new Function("list", "search", "frame", run);
        const durations = [];
        let last = await new Promise(requestAnimationFrame);
        for (let frame = 0; frame < 120; frame += 1) {
            step(list, search, frame);
            const now = await new Promise(requestAnimationFrame);
            durations.push(now - last);
            last = now;
        }
        return durations.sort((one, other) => one - other);
    }, run);

export async function ten_thousand({ page, context, serve, open: openPage }) {
    const TOTAL = 10_000;
    const send = async (from) => {
        for (let number = from; number < TOTAL; number += 8) {
            const body = order(`many-${number}`, { note: number === 5000 ? "needle" : "hay" });
            await (number % 10 === 3 ? serve.send(body) : serve.deliver(body));
        }
    };
    await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(send));
    await page.locator("#count", { hasText: "10,000 deliveries" }).waitFor();
    await page.close();

    await context.addInitScript(() => {
        const times = (window.times = {});
        new MutationObserver(() => {
            if (document.querySelector("#list .row")) times.first ??= performance.now();
            if (document.getElementById("count")?.textContent === "10,000 deliveries") times.all ??= performance.now();
        }).observe(document, { childList: true, subtree: true });
    });
    const fresh = await openPage();
    await row(fresh, TOTAL).waitFor();
    await fresh.locator("#count", { hasText: "10,000 deliveries" }).waitFor();
    const { first, all } = await fresh.evaluate(() => window.times);
    const paint = await fresh.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
    const elements = await fresh.locator("#list .row").count();
    assert(elements < 60, `${elements} rows are elements`);

    const p = (durations, part) => durations[Math.floor(durations.length * part)].toFixed(1);
    const scrolling = await frames(fresh, "list.scrollTop += 4000");
    const typing = await frames(
        fresh,
        "search.value = 'many-' + (frame % 100); search.dispatchEvent(new Event('input', { bubbles: true }))",
    );
    console.log(
        `10,000 deliveries: first paint ${paint.toFixed(0)} ms, newest rows ${first.toFixed(0)} ms, all ${all.toFixed(0)} ms, ` +
            `${elements} row elements; frames while scrolling: median ${p(scrolling, 0.5)} ms, 95 % ${p(scrolling, 0.95)} ms; ` +
            `while searching: median ${p(typing, 0.5)} ms, 95 % ${p(typing, 0.95)} ms`,
    );
    // Far above what is measured on a quiet machine, far below what a list of 10,000 elements takes.
    assert(first < 5000 && all < 20_000, `${first} ms, ${all} ms`);
    assert(p(scrolling, 0.5) < 250 && p(typing, 0.5) < 250, `${scrolling} ${typing}`);

    const search = fresh.getByRole("searchbox", { name: "Search" });
    await search.fill("needle");
    await fresh.locator("#count", { hasText: /^1 of 10,000/ }).waitFor();
    await search.fill("");
    await fresh.locator("#list").focus();
    await fresh.keyboard.press("End");
    await details(fresh, 1);
    await fresh.keyboard.press("Home");
    await details(fresh, TOTAL);
    assert.match(await open(fresh, TOTAL - 3), /order\.created|POST/);
    // The next one drops the oldest.
    await serve.deliver(order("one-more"));
    await row(fresh, TOTAL + 1).waitFor();
    assert.equal(await count(fresh), "10,000 deliveries");
}
