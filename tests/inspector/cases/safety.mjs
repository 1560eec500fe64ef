// What pages of other origins, and senders, can do with the page.
import assert from "node:assert/strict";
import http from "node:http";
import { open, row, rows } from "../page.mjs";
import { order } from "../serve.mjs";

/** A page of another origin can neither read the inspector, nor send with it, nor show it in a frame. */
export async function other_origin({ context, page, serve }) {
    await serve.deliver(order("private"));
    await row(page, 1).waitFor();
    const other = http.createServer((_, response) => {
        response.setHeader("content-type", "text/html");
        response.end(`<!doctype html><title>Other</title><iframe src="${serve.origin}/"></iframe>`);
    });
    await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
        for (const host of ["127.0.0.1", "localhost"]) {
            // It is not watched as the page of serve is, because the browser reports each refusal.
            const stranger = await context.newPage();
            await stranger.goto(`http://${host}:${other.address().port}/`);
            const tried = await stranger.evaluate(async (origin) => {
                const text = JSON.stringify({ source: "duffel", type: "order.created" });
                const ask = (path, options) =>
                    fetch(origin + path, options).then(
                        async (response) => response.status + (await response.text()),
                        () => "refused",
                    );
                const post = (type, mode) =>
                    ask("/inspector/send", {
                        method: "POST",
                        mode,
                        headers: type ? { "Content-Type": type } : {},
                        body: text,
                    });
                const stream = new Promise((resolve) => {
                    const events = new EventSource(`${origin}/inspector/stream?after=0`);
                    events.onerror = () => resolve("refused");
                    events.addEventListener("delivery", ({ data }) => resolve(data));
                });
                return [
                    await ask("/inspector/deliveries"),
                    await ask("/inspector/deliveries/1"),
                    await ask("/inspector/state"),
                    await ask("/"),
                    await post("application/json", "cors"),
                    await post("text/plain", "cors"),
                    await stream,
                    // The answer of such a request cannot be read, so its effect is checked below.
                    await post(undefined, "no-cors").then(() => "refused"),
                ];
            }, serve.origin);
            assert.deepEqual([...new Set(tried)], ["refused"], `${host}: ${tried}`);
            const frame = await stranger.locator("iframe").elementHandle();
            const framed = await (await frame.contentFrame())?.content();
            assert(!framed?.includes('id="list"'), "the page is in a frame of another page");
            await stranger.close();
        }
    } finally {
        other.close();
    }
    assert.equal((await rows(page)).length, 1, "another page sent a delivery");
}

/** Nothing that a sender wrote is anything but text, and what cannot be seen is shown. */
export async function hostile({ page, serve }) {
    const markup = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
    const type = `${markup}\u202e\u0007`;
    const body = JSON.stringify({
        id: `"><b id=injected>${markup}`,
        type,
        idempotency_key: markup,
        data: { [markup]: markup },
    });
    let dialogs = 0;
    page.on("dialog", (dialog) => {
        dialogs += 1;
        void dialog.dismiss();
    });
    assert.equal(await serve.deliver(body, { headers: { "x-note": `${markup}`, cookie: markup } }), 202);
    await serve.send(`{"type": ${markup}`, {}, { url: `${serve.origin}/webhooks/%3Cscript%3Ealert(3)%3C/script%3E` });
    await serve.send(Buffer.from([0xff, 0xfe, 0, 0x3c, 0x62, 0x3e]));
    await row(page, 3).waitFor();
    assert(
        await row(page, 1)
            .innerText()
            .then((text) => text.includes(markup) && text.includes("U+202E")),
    );
    const text = await open(page, 1);
    assert(text.includes(markup) && text.includes("U+202E") && text.includes("U+0007"), text);
    for (const name of ["Headers", "Message", "Ledger record", "Body"]) {
        await page.getByRole("tab", { name }).click();
        assert.equal(await page.locator("#injected, main img, main script").count(), 0, name);
    }
    assert.match(await open(page, 2), /404 not found/);
    await open(page, 3);
    await page.getByText("not UTF-8").waitFor();
    await page.getByRole("button", { name: "Hex" }).click();
    assert.match(await page.getByLabel("Raw bytes").innerText(), /^000000 {2}ff fe 00 3c 62 3e/);
    await page.getByRole("link", { name: "Queue and ledger" }).click();
    await page.getByRole("table", { name: "Messages of the queue" }).waitFor();
    assert.equal(await page.locator("#injected, main img, main script").count(), 0);
    assert.equal(dialogs, 0);
}
