"""Keeps the history of each order: one item for each order, with one entry for each event, in order of arrival."""

import base64
import json
import logging
import os
import time

import boto3

sqs = boto3.client("sqs")
dynamodb = boto3.client("dynamodb")
queue = os.environ["QUEUE_URL"]


def handle(identity, event):
    """Adds the event to the history and records its identity in one transaction: both happen, or neither."""
    # SQS may keep a message for 14 days in the queue, and for 14 more as a dead letter.
    expiration = int(time.time()) + 30 * 24 * 3600
    object = event["data"]["object"]
    order = object.get("order_id") or object["id"]
    record = {
        "TableName": os.environ["IDEMPOTENCY_TABLE"],
        "Item": {"id": {"S": f"poller#{identity}"}, "expiration": {"N": str(expiration)}},
        "ConditionExpression": "attribute_not_exists(id)",
    }
    entry = {
        "TableName": os.environ["HISTORY_TABLE"],
        "Key": {"order": {"S": order}},
        "UpdateExpression": "SET events = list_append(if_not_exists(events, :none), :this)",
        "ExpressionAttributeValues": {":none": {"L": []}, ":this": {"L": [{"S": event["id"]}]}},
    }
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": record}, {"Update": entry}])
    except dynamodb.exceptions.TransactionCanceledException as error:
        if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise
        print(f"{event['id']} is a repetition", flush=True)
    else:
        print(f"{event['id']} is added to the history of {order}", flush=True)


def consume():
    """Waits for messages and handles them."""
    received = sqs.receive_message(
        QueueUrl=queue,
        MaxNumberOfMessages=10,
        WaitTimeSeconds=20,  # returns with the first messages, or without any
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["MessageGroupId"],
    )
    failed = set()
    for message in received.get("Messages", []):
        group = message["Attributes"]["MessageGroupId"]
        if group in failed:
            continue  # comes again, after the one that failed
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        body = message["Body"]
        if attributes.get("encoding") == "base64":
            body = base64.b64decode(body)
        try:
            if attributes["event_type"] in ("order.created", "air.order.changed"):
                handle(attributes["identity"], json.loads(body))
        except Exception:
            logging.exception("event %s failed and comes again", attributes.get("identity"))
            failed.add(group)
        else:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


while __name__ == "__main__":
    consume()
