// Runs one case against a running `duffel-hooks serve` in a headless Chromium: `node run.mjs CASE`.
//
// Variables: TOOL is the program, CHROMIUM the browser, PACKAGES the folder of playwright-core and axe-core.
import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { Serve } from "./serve.mjs";
import { Wire } from "./wire.mjs";

const require = createRequire(`${process.env.PACKAGES}/`);
const { chromium } = require("playwright-core");

const [file, name] = process.argv[2].split(".");
const { [name]: run } = await import(`./cases/${file}.mjs`);

/** What must not happen in any case, by its text. */
const problems = [];

/** Opens the page and watches it: no error, no violation of the policy, no request to another origin. */
async function open(context, serve) {
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => problems.push(`error: ${error.stack}`));
    page.on("console", (message) => {
        // The browser reports a refused connection by itself; the cases that stop the server or cut the connection expect it.
        const isExpected = (serve.wasStopped || run.isCut) && message.text().includes("ERR_");
        if (["error", "warning"].includes(message.type()) && !isExpected) problems.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
        const { protocol, origin } = new URL(request.url());
        if (protocol !== "data:" && origin !== serve.origin) problems.push(`request: ${request.url()}`);
    });
    await page.exposeFunction("reportViolation", (text) => problems.push(`policy: ${text}`));
    await page.addInitScript(() => {
        addEventListener("securitypolicyviolation", (event) => {
            window.reportViolation(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
        });
    });
    await page.goto(serve.origin);
    await page.locator("#connection[data-state=connected]").waitFor();
    return page;
}

/** Every violation that axe-core finds, with what it is about. */
async function axe(page) {
    // Through the debugger, because the policy of the page allows no other script.
    await page.evaluate(require("node:fs").readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const { violations, passes } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
    assert(passes.length > 10, "axe-core checked nothing");
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(" | ")}`);
}

const serve = await Serve.start(run.variables, await run.options?.());
const wire = await Wire.to(serve);
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: run.isCut ? wire.browserArguments : [],
});
try {
    const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...run.context });
    const page = await open(context, serve);
    await run({ context, page, serve, wire, axe, open: () => open(context, serve), require });
    assert.deepEqual(problems, []);
} finally {
    await browser.close();
    wire.close();
    serve.stop();
}
