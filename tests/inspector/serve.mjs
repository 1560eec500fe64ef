// A running `duffel-hooks serve`, and deliveries to it.
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** A sample of the repository, with changes. */
export function sample(type, changes = {}) {
    const text = readFileSync(new URL(`../../events/bodies/${type}.json`, import.meta.url), "utf8");
    return JSON.stringify({ ...JSON.parse(text), ...changes });
}

/** An `order.created` of its own, so that it is no duplicate of another one. */
export const order = (name, changes = {}) =>
    sample("order.created", { id: `wev_${name}`, idempotency_key: `ord_${name}`, ...changes });

export class Serve {
    wasStopped = false;

    static async start(variables = {}, options = []) {
        const serve = new Serve();
        serve.options = options;
        await serve.#start(variables, 0);
        return serve;
    }

    async #start(variables, port) {
        this.variables = variables;
        this.process = spawn(process.env.TOOL, ["serve", "--listen", `127.0.0.1:${port}`, ...this.options], {
            env: variables,
            stdio: ["ignore", "ignore", "pipe"],
        });
        const lines = createInterface({ input: this.process.stderr });
        this.secret = variables.WEBHOOK_SECRET;
        await new Promise((resolve, reject) => {
            lines.on("line", (line) => {
                const [, url] = /^Receiving on (.*)$/.exec(line) ?? [];
                const [, secret] = /^Secret +(.*)$/.exec(line) ?? [];
                if (url) this.url = url;
                if (secret) this.secret = secret;
                if (this.url && (this.secret || variables.SOURCES)) resolve();
            });
            this.process.once("exit", () => reject(new Error("serve did not start")));
        });
        this.origin = new URL(this.url).origin;
    }

    stop() {
        this.wasStopped = true;
        this.process.kill("SIGKILL");
    }

    /** Starts it again on the same port. It remembers nothing. */
    async restart() {
        await this.#start(this.variables, new URL(this.url).port);
    }

    sign(body, { secret = this.secret, age = 0, label = "v2" } = {}) {
        const seconds = Math.floor(Date.now() / 1000) - age;
        const signature = createHmac("sha256", secret).update(`${seconds}.`).update(body).digest("hex");
        return { "x-duffel-signature": `t=${seconds},${label}=${signature}` };
    }

    /** Sends a signed body, and returns the status of the answer. */
    deliver(body, options = {}) {
        return this.send(body, { ...this.sign(body, options), ...options.headers });
    }

    /** Sends a body with these headers as they are. */
    send(body, headers = {}, { method = "POST", url = this.url } = {}) {
        return new Promise((resolve, reject) => {
            const request = http.request(url, {
                method,
                agent,
                headers: { "content-type": "application/json", ...headers },
            });
            request.on("error", reject);
            request.on("response", (response) => {
                response.resume();
                response.on("end", () => resolve(response.statusCode));
            });
            request.end(body);
        });
    }
}
