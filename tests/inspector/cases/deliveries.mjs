// Deliveries as they arrive, and what the page shows of them.
import assert from "node:assert/strict";
import http from "node:http";
import { details, open, row, rows, tab } from "../page.mjs";
import { order, sample } from "../serve.mjs";

export async function arrival({ page, serve }) {
    const empty = page.locator("#empty");
    await empty.getByText("No delivery yet").waitFor();
    assert.match(await empty.innerText(), new RegExp(`duffel-hooks send --to ${serve.url} order.created`));
    assert(!(await page.content()).includes(serve.secret), "the page has the secret");

    assert.equal(await serve.deliver(order("first"), { headers: { authorization: "Bearer hidden-1" } }), 202);
    await row(page, 1).waitFor();
    assert.match((await rows(page))[0], /^order\.created \| [\d:]{8} \| 202 accepted wev_first \| #1$/);
    await empty.waitFor({ state: "hidden" });

    const text = await open(page, 1);
    assert.match(text, /Signature matched secret 1 of 1, label v2, \d\.\d s old; forwarded as message [\w-]{36}/);
    for (const step of ["Signature", "Event", "Filter", "Ledger", "Queue", "Record"]) assert(text.includes(step), step);
    assert.match(text, /wev_first/);

    const body = await tab(page, "Body");
    assert(body.includes('"idempotency_key": "ord_first"'), body);
    assert(body.includes(order("first")), "the raw body is not what was sent");
    await page.getByRole("button", { name: "Hex" }).click();
    assert.match(
        await page.getByLabel("Raw bytes").innerText(),
        /^000000  7b 22 69 64 22 3a 22 77  65 76 5f .*{"id":"wev_fi/,
    );

    const headers = await tab(page, "Headers");
    assert.match(headers, /authorization\s+masked/);
    assert.match(headers, /x-duffel-signature\s+t=\d+,v2=/);
    assert(!(await page.content()).includes("hidden-1"), "a credential is shown");
    const message = await tab(page, "Message");
    assert.match(message, /"MessageId": "[\w-]{36}"/);
    assert.match(await tab(page, "Ledger record"), /"event_id": "wev_first"/);

    await page.getByRole("link", { name: "Queue and ledger" }).click();
    const queue = page.getByRole("table", { name: "Messages of the queue" });
    const ledger = page.getByRole("table", { name: "Records of the ledger" });
    await queue.getByText("wev_first").waitFor();
    await ledger.getByText("wev_first").waitFor();
    // What arrives meanwhile appears there too, and the focus stays where it is.
    await queue.getByRole("link", { name: "#1" }).focus();
    await serve.deliver(order("second"));
    await queue.getByText("wev_second").waitFor();
    await ledger.getByText("wev_second").waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "#1");
    await queue.getByRole("link", { name: "#1" }).click();
    await details(page, 1);
}

export async function reasons({ page, serve }) {
    const body = order("reasons");
    const { secret } = serve;
    const mail = (headers) => serve.send(body, headers);
    const cases = [
        [() => mail({}), 401, /no signature header/i],
        [() => mail({ "x-duffel-signature": "v2=00" }), 401, /malformed/i],
        [() => serve.deliver(body, { secret: `"${secret}"` }), 401, /quot/i],
        [() => serve.deliver(body, { secret: "another" }), 401, /secret/i],
        [() => serve.deliver(body, { age: 8 * 86_400 }), 401, /old/i],
        [() => serve.deliver(body, { age: -4000 }), 401, /future/i],
        [() => serve.deliver("[1]"), 400, /type/i],
        [() => serve.deliver(body), 202, /forwarded as message/i],
        [() => serve.deliver(body), 200, /forwarded before as message/i],
        [() => serve.deliver(order("reasons", { id: "wev_other" })), 200, /event wev_reasons/i],
        [() => serve.send(body, {}, { url: `${serve.origin}/webhooks/nobody` }), 404, /unknown source/i],
        [() => serve.send("", {}, { method: "PUT" }), 405, /method/i],
        [() => serve.deliver(JSON.stringify({ id: "wev_l", type: "t", text: "x".repeat(1_048_577) })), 413, /bytes/i],
    ];
    for (const [index, [send, status, reason]] of cases.entries()) {
        assert.equal(await send(), status, `${index}`);
        const number = index + 1;
        await row(page, number).waitFor();
        const text = await open(page, number);
        assert.match(text, reason);
        assert.match(await page.locator("#detail .reason").innerText(), reason, "not in the first sentence");
        assert.match(await row(page, number).innerText(), new RegExp(`${status}`));
    }
    const steps = await page.locator("#detail .steps li").allInnerTexts();
    assert(steps.length >= 6, `${steps}`);
}

export async function other_sources({ page, serve }) {
    const body = sample("ping.triggered");
    assert.equal(await serve.send(body, {}, { url: `${serve.origin}/webhooks/one` }), 401);
    assert.equal(await serve.send(body, {}, { url: `${serve.origin}/webhooks/two` }), 401);
    await row(page, 2).waitFor();
    await page.getByRole("search").getByLabel("Source").selectOption("two");
    await row(page, 1).waitFor({ state: "hidden" });
    assert.equal((await rows(page)).length, 1);
}
other_sources.variables = {
    SOURCES: JSON.stringify({
        one: { scheme: "duffel", secret: "secret-of-one" },
        two: { scheme: "github", secret: "secret-of-two" },
    }),
};

/** A consumer that handles one message, and reports the next as failed. */
export async function consumer({ page, serve }) {
    await page.getByRole("link", { name: "Queue and ledger" }).click();
    await page.getByText("0 handled, 0 not received yet, 0 in flight").waitFor();
    await serve.deliver(order("handled"));
    await page.getByText("1 handled").waitFor();
    await serve.deliver(order("failed"));
    await page.getByText("1 handled, 0 not received yet, 0 in flight, 1 failed").waitFor();
    // No delivery arrives that would show it.
    await page.getByText("0 failed and received again, 1 dead letter.").waitFor();
}
consumer.options = async () => {
    const answer = async (request, response) => {
        const { Records } = JSON.parse(Buffer.concat(await request.toArray()));
        const failed = Records.filter(({ body }) => body.includes("wev_failed"));
        response.end(JSON.stringify({ batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) }));
    };
    const server = http.createServer((request, response) => void answer(request, response));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    server.unref();
    const to = `http://127.0.0.1:${server.address().port}`;
    return ["--to", to, "--visibility-timeout", "3s", "--max-receive-count", "1"];
};

/** The server ends and starts again: the page says so, and shows the deliveries of the new one only. */
export async function restart({ page, serve }) {
    await serve.deliver(order("before"));
    await serve.deliver(order("before-too"));
    await row(page, 2).waitFor();
    await open(page, 2);
    serve.stop();
    await page.getByText("Connection lost, trying again").waitFor();
    await serve.restart();
    // At once, so that the new server has more deliveries than the old one when the page connects to it.
    for (const name of ["a", "b", "c"]) await serve.deliver(sample("ping.triggered", { id: `wev_${name}` }));
    await page.getByText("Connected", { exact: true }).waitFor();
    await row(page, 3).waitFor();
    await page.locator("#count", { hasText: /^3 deliveries$/ }).waitFor();
    const shown = await rows(page);
    assert(
        shown.every((text) => text.startsWith("ping.triggered")),
        `${shown}`,
    );
    await page.locator("#detail", { hasText: "Select a delivery" }).waitFor();
}

/** A connection that breaks while the server runs: nothing is missing afterwards, and nothing appears twice. */
export async function interruption({ page, wire, serve }) {
    await serve.deliver(order("one"));
    await row(page, 1).waitFor();
    wire.cut();
    await page.getByText("Connection lost, trying again").waitFor();
    for (const name of ["two", "three"]) await serve.deliver(order(name));
    wire.restore();
    await page.getByText("Connected", { exact: true }).waitFor();
    await row(page, 3).waitFor();
    await serve.deliver(order("four"));
    await row(page, 4).waitFor();
    assert.equal((await rows(page)).length, 4);
}
interruption.isCut = true;

/** Numbers, duplicate keys and order are shown as they were sent. */
export async function exact_bodies({ page, serve }) {
    await serve.deliver(
        '{"id":"wev_n","type":"t","n":12345678901234567890.10,"a":1,"a":2,"e":{},"l":[ ],"s":"a\\u00e9, {b}: \\"c\\""}',
    );
    await row(page, 1).waitFor();
    await open(page, 1);
    const shown = await page.getByLabel("body", { exact: true }).innerText();
    assert.equal(
        shown,
        [
            "{",
            '  "id": "wev_n",',
            '  "type": "t",',
            '  "n": 12345678901234567890.10,',
            '  "a": 1,',
            '  "a": 2,',
            '  "e": {},',
            '  "l": [],',
            '  "s": "a\\u00e9, {b}: \\"c\\""',
            "}",
        ].join("\n"),
    );
    // A large body is quick: its first part is shown, and all of it on request.
    await serve.deliver(JSON.stringify({ id: "wev_large", type: "t", text: "x".repeat(900_000) }));
    await row(page, 2).waitFor();
    await open(page, 2);
    const raw = page.getByLabel("Raw bytes");
    assert.equal((await raw.innerText()).length, 65_536);
    await page.getByRole("button", { name: /^Show all/ }).click();
    assert((await raw.innerText()).length > 900_000);
}
