// The pictures of the page in the documentation.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { open, row } from "../page.mjs";
import { sample } from "../serve.mjs";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What happens on a day: accepted events, repetitions, one that is not an event, and signatures that do not match. */
async function deliver(page, serve) {
    const id = (name) =>
        `0000A${createHash("sha256").update(name).digest("base64url").replace(/\W|_/g, "").slice(0, 17)}`;
    const event = (type, name) =>
        sample(type, {
            id: `wev_${id(name)}`,
            idempotency_key: `ord_${id(name)}`,
            data: { object: { id: `ord_${id(name)}` } },
            live_mode: false,
        });
    const steps = [
        () => serve.deliver(sample("ping.triggered")),
        () => serve.deliver(event("order.created", "Lisbon")),
        () => serve.deliver(event("order.updated", "Madrid")),
        () => serve.deliver(event("order.created", "Lisbon")),
        () => serve.send(event("order.created", "Oslo")),
        () => serve.deliver(event("order.airline_initiated_change_detected", "Berlin")),
        () => serve.deliver('{"type":"order.created","live_mode":false}'),
        () => serve.deliver(event("order.created", "Vienna"), { secret: `"${serve.secret}"` }),
        () => serve.deliver(event("order.created", "Vienna")),
    ];
    for (const step of steps) {
        await step();
        await wait(1100);
    }
    await row(page, steps.length).waitFor();
}

/** Writes a picture with 256 colours, which has a third of the bytes. */
async function write(page, name, require) {
    await page.mouse.move(0, 0);
    await page.locator("#notice:not(:empty)").waitFor({ state: "hidden" });
    const picture = await page.screenshot({ animations: "disabled" });
    const small = await require("sharp")(picture)
        .png({ palette: true, colours: 256, dither: 0, effort: 10 })
        .toBuffer();
    writeFileSync(`${process.env.PICTURES}/inspector-${name}.png`, small);
}

export async function take({ page, serve, require }) {
    await deliver(page, serve);
    await open(page, 9);
    await write(page, "light", require);
    await page.emulateMedia({ colorScheme: "dark" });
    await open(page, 8);
    await write(page, "dark", require);
}
take.context = {
    viewport: { width: 1280, height: 860 },
    deviceScaleFactor: 1.5,
    colorScheme: "light",
    reducedMotion: "reduce",
};
