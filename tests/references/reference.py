"""Signs and verifies with the providers' own Python libraries: a list of deliveries in, a list of verdicts out."""

import base64
import datetime
import json
import sys

from standardwebhooks import Webhook
from stripe import WebhookSignature


def standard_webhooks(delivery, body):
    webhook = Webhook(delivery["secret"])
    if "headers" in delivery:
        webhook.verify(body, delivery["headers"], json_parse=False)
        return {}
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "webhook-id": delivery["id"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook.sign(delivery["id"], now, body),
    }


def stripe(delivery, body):
    if "headers" in delivery:
        WebhookSignature.verify_header(body, delivery["headers"]["stripe-signature"], delivery["secret"], 300)
        return {}
    return {"stripe-signature": WebhookSignature.generate_signature_header(body, delivery["secret"])}


def verdict(delivery):
    body = base64.b64decode(delivery["body"]).decode()
    scheme = {"standard-webhooks": standard_webhooks, "stripe": stripe}[delivery["scheme"]]
    try:
        return {"headers": scheme(delivery, body)}
    except Exception as error:
        return {"refused": str(error)}


json.dump([verdict(delivery) for delivery in json.load(sys.stdin)], sys.stdout)
