// The receiver's work in JavaScript, with AWS's SDK v3: verify, look up, send, record.
// The clients are outside the handler, and esbuild makes one file of it:
// https://docs.aws.amazon.com/lambda/latest/dg/nodejs-package.html
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";

const { WEBHOOK_SECRET, QUEUE_URL, LEDGER_TABLE } = process.env;
const WINDOW_SECONDS = 7 * 24 * 3600;

const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});

export async function handler(request) {
  const body = Buffer.from(request.body ?? "", request.isBase64Encoded ? "base64" : "utf8");
  if (!isSigned(request.headers["x-duffel-signature"] ?? "", body)) return answer(401, "unauthorized");
  const text = body.toString("utf8");
  const event = JSON.parse(text);
  const key = event.idempotency_key ?? event.id;
  const identity = createHash("sha256").update(`${event.live_mode}#${event.type}#${key}`).digest("hex");
  const pk = { S: identity };
  const found = await dynamodb.send(
    new GetItemCommand({ TableName: LEDGER_TABLE, Key: { pk }, ConsistentRead: true }),
  );
  if (found.Item) return answer(200, "duplicate");
  const { MessageId } = await sqs.send(
    new SendMessageCommand({
      QueueUrl: QUEUE_URL,
      MessageBody: text,
      MessageGroupId: key,
      MessageDeduplicationId: identity,
    }),
  );
  await record({
    pk,
    expires_at: { N: String(now() + WINDOW_SECONDS) },
    event_id: { S: event.id },
    message_id: { S: MessageId },
  });
  console.log(JSON.stringify({ outcome: "accepted", event: event.id, type: event.type, message: MessageId }));
  return answer(202, "accepted");
}

/** HMAC-SHA256 over `<t>.<body>`, in the header as `t=<seconds>,v1=<hex>,v2=<hex>`. */
function isSigned(header, body) {
  const parts = header.split(",").map((part) => part.split("="));
  const time = parts.find(([name]) => name.trim() === "t")?.[1];
  if (!time || Math.abs(now() - Number(time)) > WINDOW_SECONDS) return false;
  const expected = createHmac("sha256", WEBHOOK_SECRET).update(`${time}.`).update(body).digest();
  return parts
    .filter(([name]) => ["v1", "v2"].includes(name.trim()))
    .map(([, value]) => Buffer.from(value ?? "", "hex"))
    .some((signature) => signature.length === expected.length && timingSafeEqual(signature, expected));
}

async function record(Item) {
  const ConditionExpression = "attribute_not_exists(pk)";
  try {
    await dynamodb.send(new PutItemCommand({ TableName: LEDGER_TABLE, Item, ConditionExpression }));
  } catch (error) {
    if (error.name !== "ConditionalCheckFailedException") throw error;
  }
}

const now = () => Math.floor(Date.now() / 1000);

const answer = (statusCode, status) => ({
  statusCode,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ status }),
});
