"""Runs `handler` of a module `app` behind a Lambda Runtime API, as AWS's runtime for Python does."""

import json
import os
import sys
import time
import traceback
from urllib.request import Request, urlopen

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"


class Context:
    function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(0, self.deadline - int(time.time() * 1000))


def report(path, value):
    urlopen(Request(f"{API}/{path}", json.dumps(value).encode())).close()


sys.path.insert(0, os.path.dirname(sys.argv[1]))
from app import handler

while True:
    with urlopen(f"{API}/invocation/next") as invocation:
        batch, context = json.load(invocation), Context(invocation.headers)
    try:
        response = handler(batch, context)
    except Exception as error:
        traceback.print_exc()
        reported = {"errorType": type(error).__name__, "errorMessage": str(error)}
        report(f"invocation/{context.aws_request_id}/error", reported)
    else:
        report(f"invocation/{context.aws_request_id}/response", response)
