// Keeps the history of each order: one item for each order, with one entry for each event, in order of arrival.

import { processPartialResponse, SqsFifoPartialProcessorAsync } from '@aws-lambda-powertools/batch';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';

const history = DynamoDBDocumentClient.from(new DynamoDBClient());
const processor = new SqsFifoPartialProcessorAsync();
const persistenceStore = new DynamoDBPersistenceLayer({ tableName: process.env.IDEMPOTENCY_TABLE });
const config = new IdempotencyConfig({
  eventKeyJmesPath: 'messageAttributes.identity.stringValue',
  throwOnNoIdempotencyKey: true,
  // SQS may keep a message for 14 days in the queue, and for 14 more as a dead letter.
  expiresAfterSeconds: 30 * 24 * 3600,
});

const addToHistory = makeIdempotent(
  async (record) => {
    const encoding = record.messageAttributes.encoding ? 'base64' : 'utf8';
    const event = JSON.parse(Buffer.from(record.body, encoding).toString());
    const order = event.data.object.order_id ?? event.data.object.id;
    await history.send(
      new UpdateCommand({
        TableName: process.env.HISTORY_TABLE,
        Key: { order },
        UpdateExpression: 'SET events = list_append(if_not_exists(events, :none), :this)',
        ExpressionAttributeValues: { ':none': [], ':this': [event.id] },
      }),
    );
    console.log(`${event.id} is added to the history of ${order}`);
  },
  { persistenceStore, config },
);

const handle = async (record) => {
  const type = record.messageAttributes.event_type.stringValue;
  if (['order.created', 'air.order.changed'].includes(type)) await addToHistory(record);
};

export const handler = async (batch, context) => {
  config.registerLambdaContext(context); // an interrupted attempt counts as running until its time limit
  // Without skipGroupOnError, one failure returns the rest of the batch, whatever its message group.
  return processPartialResponse(batch, handle, processor, { context, skipGroupOnError: true });
};
