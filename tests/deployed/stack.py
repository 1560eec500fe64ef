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


def send_as(kind, name, url):
    """The answer to a user, or a session of a role, that may do everything in SQS by IAM."""
    iam, all_of_sqs = boto3.client("iam"), {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    everything = json.dumps({"Version": "2012-10-17", "Statement": [all_of_sqs]})
    if kind == "user":
        try:
            iam.create_user(UserName=name)
        except iam.exceptions.EntityAlreadyExistsException:
            pass
        iam.put_user_policy(UserName=name, PolicyName="everything", PolicyDocument=everything)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    else:
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
        session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    try:
        session.client("sqs").send_message(
            QueueUrl=url, MessageBody="unverified", MessageGroupId=name, MessageDeduplicationId=name
        )
    except ClientError as error:
        return error.response["Error"]["Code"]


def delete_stack():
    cloudformation = boto3.client("cloudformation")
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})


commands = [outputs, parameters, put_secret, messages, in_the_clear, items, log, policy, put_policy, send_as, delete_stack]
commands = {command.__name__: command for command in commands}
for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(commands[name](*arguments)), flush=True)
