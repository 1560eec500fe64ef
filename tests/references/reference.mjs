// Signs and verifies with the providers' own JavaScript libraries: a list of deliveries in, a list of verdicts out.
import { readFileSync } from "node:fs";
import * as octokit from "@octokit/webhooks-methods";
import { Webhook } from "svix";

async function standardWebhooks({ secret, id, headers }, body) {
  const webhook = new Webhook(secret);
  if (headers) {
    webhook.verify(body, headers);
    return {};
  }
  const now = new Date();
  return {
    "svix-id": id,
    "svix-timestamp": String(Math.floor(now.getTime() / 1000)),
    "svix-signature": webhook.sign(id, now, body),
  };
}

async function github({ secret, headers }, body) {
  if (headers) {
    if (!(await octokit.verify(secret, body, headers["x-hub-signature-256"]))) throw new Error("no match");
    return {};
  }
  return { "x-hub-signature-256": await octokit.sign(secret, body) };
}

const schemes = { "standard-webhooks": standardWebhooks, github };
const verdicts = [];
for (const delivery of JSON.parse(readFileSync(0, "utf8"))) {
  const body = Buffer.from(delivery.body, "base64").toString();
  try {
    verdicts.push({ headers: await schemes[delivery.scheme](delivery, body) });
  } catch (error) {
    verdicts.push({ refused: String(error) });
  }
}
process.stdout.write(JSON.stringify(verdicts));
