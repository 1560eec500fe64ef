// A client of the Lambda Runtime API on one connection. AWS's own, aws-lambda-ric, needs a C++ toolchain; this one costs
// less than Node's HTTP client, so that what is measured is the handler.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
import { connect } from "node:net";

const BASE = "/2018-06-01/runtime/invocation/";

/** Takes invocations, one after the other, until the Runtime API closes the connection. */
export async function run(handler) {
  const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
  const socket = connect({ host, port: Number(port), noDelay: true });
  const exchange = exchanges(socket);
  for (;;) {
    const invocation = await exchange(`GET ${BASE}next HTTP/1.1\r\nhost: api\r\n\r\n`);
    const id = /^lambda-runtime-aws-request-id: (.*)\r$/im.exec(invocation.head)[1];
    const answer = JSON.stringify(await handler(JSON.parse(invocation.body), { awsRequestId: id }));
    const head = `host: api\r\ncontent-length: ${Buffer.byteLength(answer)}`;
    await exchange(`POST ${BASE}${id}/response HTTP/1.1\r\n${head}\r\n\r\n${answer}`);
  }
}

/** Returns a function that sends a request and resolves to the answer. */
function exchanges(socket) {
  let received = Buffer.alloc(0);
  let resolve;
  socket.on("data", (data) => {
    received = received.length ? Buffer.concat([received, data]) : data;
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const head = received.toString("latin1", 0, end + 2);
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)[1]);
    if (received.length < end + 4 + length) return;
    const body = received.toString("utf8", end + 4, end + 4 + length);
    received = Buffer.alloc(0);
    resolve({ head, body });
  });
  socket.on("close", () => process.exit());
  return (request) =>
    new Promise((done) => {
      resolve = done;
      socket.write(request);
    });
}
