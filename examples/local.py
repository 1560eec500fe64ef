"""Makes the queue and the tables of the examples in a local emulator, and prints the variables that lead to them."""

import boto3

sqs, dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
url = sqs.create_queue(QueueName="events.fifo", Attributes={"FifoQueue": "true", "VisibilityTimeout": "180"})["QueueUrl"]
print(f"export QUEUE_URL={url}")
for variable, key in {"LEDGER_TABLE": "pk", "HISTORY_TABLE": "order", "IDEMPOTENCY_TABLE": "id"}.items():
    dynamodb.create_table(
        TableName=variable.lower(),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
    )
    print(f"export {variable}={variable.lower()}")
