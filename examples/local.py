"""Makes the queue and the tables of the examples in a local emulator, and sends the messages that `serve` prints."""

import json
import sys

import boto3

sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
queue = sqs.create_queue(QueueName="events.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "180"})
for table, key in {"history": "order", "idempotency": "id"}.items():
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )

lines = []
for line in sys.stdin:
    lines.append(line)
    if line != "}\n":
        continue
    message = json.loads("".join(lines))
    lines.clear()
    sqs.send_message(
        QueueUrl=queue["QueueUrl"],
        MessageBody=message["Body"],
        MessageAttributes=message["MessageAttributes"],
        MessageGroupId=message["Attributes"]["MessageGroupId"],
        MessageDeduplicationId=message["Attributes"]["MessageDeduplicationId"],
    )
