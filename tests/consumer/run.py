# Runs `consume`, whose code is above, on an empty queue and on one with events.

import sys
import time

empty, full = sys.argv[1:]
waits, handled, fetched, done, failing = set(), [], [], set(), {"wev_2"}


def hasten(receive):
    def receive_message(**parameters):
        waits.add(parameters["WaitTimeSeconds"])
        return receive(**parameters | {"WaitTimeSeconds": 1})

    return receive_message


def note(work):
    def handle(identity, event):
        handled.append(event["id"])
        if event["id"] in failing:
            failing.remove(event["id"])
            raise RuntimeError(event["id"])
        work(identity, event)

    return handle


def already_done(identity):
    known = identity in done
    done.add(identity)
    return known


class duffel:
    class orders:
        get = fetched.append


def consumed(url):
    handled.clear()
    consume(url)
    return list(handled)


def repeat(url, message):
    """The same event once more, as after a crash between send and record."""
    sqs.send_message(
        QueueUrl=url,
        MessageBody=message["Body"],
        MessageAttributes=message["MessageAttributes"],
        MessageGroupId=message["Attributes"]["MessageGroupId"],
        MessageDeduplicationId="another",
    )


[first, *_] = sqs.receive_message(
    QueueUrl=full, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], VisibilityTimeout=0
)["Messages"]
sqs.set_queue_attributes(QueueUrl=full, Attributes={"VisibilityTimeout": "3"})
sqs.receive_message, handle = hasten(sqs.receive_message), note(handle)

did = {"empty": consumed(empty), "first": consumed(full)}
time.sleep(4)
did["second"] = consumed(full)
repeat(full, first)
did["repetition"] = consumed(full)
names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
left = sqs.get_queue_attributes(QueueUrl=full, AttributeNames=names)["Attributes"]
print(json.dumps(did | {"fetched": fetched, "waits": sorted(waits), "left": sum(map(int, left.values()))}))
