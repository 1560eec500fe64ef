"""Gives MiniStack the redrive of a dead-letter queue, which it lacks. Run before it listens."""

import time
import uuid

from ministack.core.concurrency import esm_wake
from ministack.services import sqs


def start_message_move_task(data, _url):
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html"""
    dead = sqs._queue_by_arn(data["SourceArn"])
    now, letters, dead["messages"] = time.time(), dead["messages"], []
    for letter in letters:
        queue = sqs._queue_by_arn(letter["sys"].pop("DeadLetterQueueSourceArn"))
        # The deduplication id of a dead letter is its first message id, so the queue does not drop it.
        renewed = {"id": str(uuid.uuid4()), "dedup_id": letter["id"], "receive_count": 0, "first_receive_at": None}
        queue["messages"].append(letter | renewed | {"sent_at": now, "visible_at": now, "receipt_handle": None})
    moved = {"ApproximateNumberOfMessagesMoved": len(letters), "ApproximateNumberOfMessagesToMove": len(letters)}
    moves.setdefault(data["SourceArn"], []).insert(
        0, {"Status": "COMPLETED", "SourceArn": data["SourceArn"], "StartedTimestamp": int(now * 1000)} | moved
    )
    esm_wake.set()
    return {"TaskHandle": str(uuid.uuid4())}


def list_message_move_tasks(data, _url):
    return {"Results": moves.get(data["SourceArn"], [])}


def list_dead_letter_source_queues(data, url):
    arn = sqs._get_q(data.get("QueueUrl", url))["attributes"]["QueueArn"]
    sources = [queue for queue in sqs._queues if arn in sqs._queues[queue]["attributes"].get("RedrivePolicy", "")]
    return {"queueUrls": sources}


moves = {}
sqs._HANDLERS["StartMessageMoveTask"] = start_message_move_task
sqs._HANDLERS["ListDeadLetterSourceQueues"] = list_dead_letter_source_queues
sqs._HANDLERS["ListMessageMoveTasks"] = list_message_move_tasks
