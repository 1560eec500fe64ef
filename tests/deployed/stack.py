"""Acts as operator and consumer of a stack, through boto3: commands in, answers out, one line of JSON each."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

stack = sys.argv[1]


def resource(name):
    answer = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=name)
    return answer["StackResourceDetail"]["PhysicalResourceId"]


def outputs():
    [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def parameters():
    [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in found["Parameters"]}


def put_secret(arn, value):
    boto3.client("secretsmanager").put_secret_value(SecretId=arn, SecretString=value)


def messages(url):
    """Takes all messages off the queue."""
    sqs, taken = boto3.client("sqs"), []
    while received := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        taken += received
    return taken


def in_the_clear(url):
    """The answer to a call without TLS."""
    sqs = boto3.client("sqs")
    clear = lambda request, **_: request.headers.update({"x-forwarded-proto": "http"})
    sqs.meta.events.register("before-send.sqs.*", clear)
    try:
        sqs.receive_message(QueueUrl=url)
    except ClientError as error:
        return error.response["Error"]["Code"]


def items(table):
    return boto3.client("dynamodb").scan(TableName=table, ConsistentRead=True)["Items"]


def log(group):
    """The log lines of the function."""
    events = boto3.client("logs").filter_log_events(logGroupName=resource(group))["events"]
    return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]


def policy(role, name):
    return boto3.client("iam").get_role_policy(RoleName=resource(role), PolicyName=name)["PolicyDocument"]


def put_policy(role, name, document):
    boto3.client("iam").put_role_policy(RoleName=resource(role), PolicyName=name, PolicyDocument=document)


def session_of(kind, name):
    """A session of a user or a role that may do everything in SQS and SNS by IAM."""
    iam, all_actions = boto3.client("iam"), {"Effect": "Allow", "Action": ["sqs:*", "sns:*"], "Resource": "*"}
    everything = json.dumps({"Version": "2012-10-17", "Statement": [all_actions]})
    if kind == "user":
        try:
            iam.create_user(UserName=name)
        except iam.exceptions.EntityAlreadyExistsException:
            pass
        iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=everything)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    account = boto3.client("sts").get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    iam.put_role_policy(RoleName=name, PolicyName="everything", PolicyDocument=everything)
    role = f"arn:aws:iam::{account}:role/{name}"
    key = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])


def send_as(kind, name, url):
    """The answer to somebody who sends to a queue, or publishes to a topic."""
    session, fifo = session_of(kind, name), {"MessageGroupId": name, "MessageDeduplicationId": name}
    try:
        if url.startswith("arn:"):
            session.client("sns").publish(TopicArn=url, Message="unverified", **fifo)
        else:
            session.client("sqs").send_message(QueueUrl=url, MessageBody="unverified", **fifo)
    except ClientError as error:
        return error.response["Error"]["Code"]


def subscribe(topic, statement, name):
    """The URL of a new queue that is subscribed to a topic, and which has a statement as its policy."""
    sqs = boto3.client("sqs")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [json.loads(statement)]})
    attributes = {"FifoQueue": "true", "MaximumMessageSize": "1048576", "Policy": policy}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": "true"}
    boto3.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    return url


def subscriptions(topic):
    """The queues that are subscribed to a topic."""
    found = boto3.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return sorted(subscription["Endpoint"] for subscription in found)


def delete_stack():
    cloudformation = boto3.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


commands = [outputs, parameters, put_secret, messages, in_the_clear, items, log, policy, put_policy, send_as, subscribe]
commands += [subscriptions, delete_stack]
commands = {command.__name__: command for command in commands}
for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(commands[name](*arguments)), flush=True)
