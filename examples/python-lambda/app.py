"""Keeps the history of each order: one item for each order, with one entry for each event, in order of arrival."""

import base64
import json
import os

import boto3
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

history = boto3.resource("dynamodb").Table(os.environ["HISTORY_TABLE"])
# Without skip_group_on_error, one failure returns the rest of the batch, whatever its message group.
processor = SqsFifoPartialProcessor(skip_group_on_error=True)
records = DynamoDBPersistenceLayer(table_name=os.environ["IDEMPOTENCY_TABLE"])
config = IdempotencyConfig(
    event_key_jmespath="messageAttributes.identity.stringValue",
    raise_on_no_idempotency_key=True,
    # SQS may keep a message for 14 days in the queue, and for 14 more as a dead letter.
    expires_after_seconds=30 * 24 * 3600,
)


@idempotent_function(data_keyword_argument="record", persistence_store=records, config=config)
def add_to_history(record):
    body = record.body
    if "encoding" in record.message_attributes:
        body = base64.b64decode(body)
    event = json.loads(body)
    object = event["data"]["object"]
    order = object.get("order_id") or object["id"]
    history.update_item(
        Key={"order": order},
        UpdateExpression="SET events = list_append(if_not_exists(events, :none), :this)",
        ExpressionAttributeValues={":none": [], ":this": [event["id"]]},
    )
    print(f"{event['id']} is added to the history of {order}")


def handle(record):
    if record.message_attributes["event_type"].string_value in ("order.created", "air.order.changed"):
        add_to_history(record=record)


def handler(batch, context):
    config.register_lambda_context(context)  # an interrupted attempt counts as running until its time limit
    return process_partial_response(event=batch, record_handler=handle, processor=processor, context=context)
