"""The receiver's work in Python, with the idempotency of Powertools for AWS Lambda: verify, claim, send, complete.

https://docs.aws.amazon.com/powertools/python/latest/utilities/idempotency/
"""

import hashlib
import hmac
import json
import os
from base64 import b64decode

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2, event_source
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)

SECRET = os.environ["WEBHOOK_SECRET"].encode()
QUEUE_URL = os.environ["QUEUE_URL"]

logger = Logger(service="receiver")
sqs = boto3.client("sqs")
store = DynamoDBPersistenceLayer(os.environ["LEDGER_TABLE"], key_attr="pk", expiry_attr="expires_at")
config = IdempotencyConfig(
    event_key_jmespath="[live_mode, type, idempotency_key]",
    expires_after_seconds=7 * 24 * 3600,
    raise_on_no_idempotency_key=True,
)


@logger.inject_lambda_context
@event_source(data_class=APIGatewayProxyEventV2)
def handler(request, context):
    config.register_lambda_context(context)
    body = b64decode(request.body) if request.is_base64_encoded else (request.body or "").encode()
    if not is_signed(request.headers.get("x-duffel-signature", ""), body):
        return answer(401, "unauthorized")
    event = json.loads(body)
    message = forward(event=event, body=body.decode())
    logger.info("accepted", extra={"event_id": event["id"], "event_type": event["type"], **message})
    return answer(202, "accepted")


def is_signed(header, body):
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signature = hmac.new(SECRET, parts.get("t", "").encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, parts.get("v2", ""))


@idempotent_function(data_keyword_argument="event", persistence_store=store, config=config)
def forward(*, event, body):
    identity = f"{event['live_mode']}#{event['type']}#{event['idempotency_key']}"
    sent = sqs.send_message(
        QueueUrl=QUEUE_URL,
        MessageBody=body,
        MessageGroupId=event["idempotency_key"],
        MessageDeduplicationId=hashlib.sha256(identity.encode()).hexdigest(),
    )
    return {"message_id": sent["MessageId"]}


def answer(status, word):
    headers = {"content-type": "application/json"}
    return {"statusCode": status, "headers": headers, "body": json.dumps({"status": word})}
