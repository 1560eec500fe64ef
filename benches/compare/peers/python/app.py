"""The receiver's work in Python, with boto3: verify, look up, send, record.

The verification is that of Duffel's guide, https://duffel.com/docs/guides/receiving-webhooks.
"""

import base64
import hashlib
import hmac
import json
import os
import time

import boto3

SECRET = os.environ["WEBHOOK_SECRET"].encode()
QUEUE_URL = os.environ["QUEUE_URL"]
LEDGER_TABLE = os.environ["LEDGER_TABLE"]
WINDOW_SECONDS = 7 * 24 * 3600

sqs = boto3.client("sqs")
dynamodb = boto3.client("dynamodb")


def handler(request, context):
    text = request["body"].encode()
    body = base64.b64decode(text) if request.get("isBase64Encoded") else text
    if not is_signed(request["headers"].get("x-duffel-signature", ""), body):
        return {"statusCode": 401, "body": ""}
    event = json.loads(body)
    identity = f"{event['live_mode']}#{event['type']}#{event['idempotency_key']}"
    identity = hashlib.sha256(identity.encode()).hexdigest()
    found = dynamodb.get_item(TableName=LEDGER_TABLE, Key={"pk": {"S": identity}}, ConsistentRead=True)
    if "Item" in found:
        return {"statusCode": 200, "body": ""}
    sqs.send_message(
        QueueUrl=QUEUE_URL,
        MessageBody=body.decode(),
        MessageGroupId=event["idempotency_key"],
        MessageDeduplicationId=identity,
    )
    expires_at = str(int(time.time()) + WINDOW_SECONDS)
    dynamodb.put_item(TableName=LEDGER_TABLE, Item={"pk": {"S": identity}, "expires_at": {"N": expires_at}})
    return {"statusCode": 202, "body": ""}


def is_signed(header, body):
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    signature = hmac.new(SECRET, parts.get("t", "").encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(signature, parts.get("v2", ""))
