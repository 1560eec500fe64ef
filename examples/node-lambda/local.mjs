// Invokes the function with the messages of a queue, as Lambda's event source mapping does, without AWS.

import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { handler } from './app.mjs';

const sqs = new SQSClient();
const QueueUrl = process.env.QUEUE_URL;
const lowerFirst = ([name, value]) => [name[0].toLowerCase() + name.slice(1), value];
const inLowerCase = (object) => Object.fromEntries(Object.entries(object ?? {}).map(lowerFirst));

for (;;) {
  const all = { MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] };
  const request = { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20, ...all };
  const { Messages: messages = [] } = await sqs.send(new ReceiveMessageCommand(request));
  const Records = messages.map(({ MessageAttributes, ...message }) => ({
    ...inLowerCase(message),
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, value]) => [name, inLowerCase(value)]),
    ),
    eventSource: 'aws:sqs',
  }));
  if (Records.length === 0) continue;
  const context = { functionName: 'local', getRemainingTimeInMillis: () => 30_000 };
  const { batchItemFailures } = await handler({ Records }, context);
  const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  for (const { MessageId, ReceiptHandle } of messages) {
    if (!failed.has(MessageId)) await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  }
}
