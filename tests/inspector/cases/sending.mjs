// The buttons that send and copy.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { details, open, row, sendBy } from "../page.mjs";
import { order } from "../serve.mjs";

async function sendSample(page, number, { type, signature } = {}) {
    await page.getByRole("button", { name: "Send a sample" }).click();
    const dialog = page.getByRole("dialog", { name: "Send a sample" });
    if (type) await dialog.getByLabel("Type").selectOption(type);
    if (signature) await dialog.getByLabel(signature).check();
    await dialog.getByRole("button", { name: "Send" }).click();
    return details(page, number);
}

export async function samples({ page }) {
    const samples = await page.evaluate(() => fetch("/inspector/samples").then((response) => response.json()));
    const types = samples.filter(({ scheme }) => scheme === "duffel").map(({ type }) => type);
    assert(types.length > 4, `${types}`);
    let number = 0;
    for (const type of types) {
        const text = await sendSample(page, (number += 1), { type });
        assert.match(text, /202 accepted/);
        assert(text.includes(type), text);
        assert.match(text, /this page/);
    }
    // A sample that is sent twice is two events.
    assert.match(await sendSample(page, (number += 1)), /202 accepted/);
    assert.match(await sendSample(page, (number += 1), { signature: "the body is changed" }), /401 unauthorized/);
    assert.match(await sendSample(page, (number += 1), { signature: "older than the tolerance" }), /401[^]*old/);
    assert.match(await sendSample(page, (number += 1), { signature: "another secret" }), /401[^]*secret/);
    await page.getByRole("button", { name: "Send a sample" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal(await row(page, number + 1).count(), 0, "a cancelled dialog sent something");
}

export async function again({ page, serve }) {
    await serve.deliver(order("again"));
    await row(page, 1).waitFor();
    await open(page, 1);
    assert.match(await sendBy(page, "Same bytes", 2), /200 duplicate[^]*Sent again from\s*#1/);
    await page.getByRole("link", { name: "#1", exact: true }).click();
    await details(page, 1);
    assert.match(await sendBy(page, "Newly signed", 3), /200 duplicate/);
    assert.match(await sendBy(page, "Tampered", 4), /401 unauthorized/);
    await open(page, 1);
    assert.match(await sendBy(page, "Stale", 5), /401 unauthorized[^]*old/);
    await open(page, 1);
    assert.match(await sendBy(page, "Other secret", 6), /401 unauthorized[^]*secret/);
}

/** Presses a button that copies something, and returns what is in the clipboard after the confirmation. */
async function copied(page, name, what) {
    await page.getByRole("button", { name, exact: true }).click();
    await page
        .getByRole("status")
        .filter({ hasText: `Copied: ${what}` })
        .waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
}

export async function copying({ page, serve }) {
    // A body with what a shell would interpret.
    await serve.deliver(order("copy", { note: 'it\'s $HOME `id` \\ "é"\n' }));
    await row(page, 1).waitFor();
    await open(page, 1);
    const command = await copied(page, "curl", "curl command");
    assert.match(execFileSync("sh", ["-c", command], { encoding: "utf8" }), /duplicate/);
    const raw = page.getByLabel("Raw bytes");
    const before = await raw.innerText();
    await row(page, 2).waitFor();
    assert.match(await open(page, 2), /200 duplicate/);
    assert.equal(await raw.innerText(), before, "curl sent another body");
    const event = JSON.parse(await copied(page, "Gateway event", "gateway event"));
    assert.equal(event.rawPath, "/webhooks/duffel");
    assert.equal(event.requestContext.http.method, "POST");
}
copying.context = { permissions: ["clipboard-read", "clipboard-write"] };

/** A secret that was given is used as well, and never shown. */
export async function given_secret({ page, serve }) {
    assert.match(await sendSample(page, 1), /202 accepted/);
    assert(!(await page.content()).includes(serve.secret));
}
given_secret.variables = { WEBHOOK_SECRET: "bm90LWEtc2VjcmV0" };
