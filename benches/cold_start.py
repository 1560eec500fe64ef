#!/usr/bin/env python3
"""Measures the first answer of a cold `receiver` process, and its memory.

    cargo build --release --bin receiver
    python3 benches/cold_start.py [target/release/receiver] [--runs 21] [--deliveries 200] [--pad 1000000]

Plays the Lambda Runtime API and, over plain HTTP, an SQS and a DynamoDB that answer at once, so
that what is measured is the function and not its backends. Prints medians over the runs.
"""

import argparse
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import queue
import statistics
import subprocess
import threading
import time

SECRET = "54vFWvaSbbzYpxXPeB4YEw=="
ROOT = pathlib.Path(__file__).resolve().parent.parent
EVENT = json.loads((ROOT / "events/http-api.order-created.json").read_text())


def payload(number, pad, secret=SECRET):
    """A delivery of an event of its own, signed now and `pad` bytes longer than Duffel's."""
    body = json.loads(EVENT["body"]) | {"id": f"wev_{number}", "idempotency_key": f"ord_{number}"}
    body["data"]["object"]["pad"] = "x" * pad
    body = json.dumps(body, separators=(",", ":"))
    seconds = str(int(time.time()))
    mac = hmac.new(secret.encode(), f"{seconds}.{body}".encode(), hashlib.sha256).hexdigest()
    headers = EVENT["headers"] | {"x-duffel-signature": f"t={seconds},v2={mac}"}
    return json.dumps(EVENT | {"body": body, "headers": headers}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, body, headers=None, status=200):
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} OK\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)


class RuntimeApi(Handler):
    def do_GET(self):
        self.server.asked.append(time.perf_counter())
        headers = {
            "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 10_000),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:receiver",
        }
        body = self.server.payloads.get()
        if body is None:
            self.close_connection = True
            return
        self.reply(body, headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self.chunks()
        self.server.answers.put((time.perf_counter(), body))
        self.reply(b"{}", status=202)

    def chunks(self):
        body = b""
        while size := int(self.rfile.readline() or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


class Aws(Handler):
    def do_GET(self):
        self.reply(b"healthy")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers["X-Amz-Target"]
        self.server.calls.append(target)
        answer = {}
        if target == "AmazonSQS.SendMessage":
            text = json.loads(body)["MessageBody"].encode()
            answer = {"MessageId": "m", "MD5OfMessageBody": hashlib.md5(text).hexdigest()}
        elif target == "secretsmanager.GetSecretValue":
            answer = {"SecretString": self.server.secrets.get(json.loads(body)["SecretId"], json.dumps([SECRET]))}
        self.reply(json.dumps(answer).encode(), {"Content-Type": "application/x-amz-json-1.0"})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """The process under test is killed at the end of its run, and its connections with it."""


def serve(handler):
    server = Server(("127.0.0.1", 0), handler)
    server.payloads, server.answers = queue.Queue(), queue.Queue()
    server.asked, server.calls, server.secrets = [], [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"127.0.0.1:{server.server_address[1]}"


def status(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024


def variables(api_address, aws_address):
    """The environment of a function, as far as it reads it."""
    return {
        "AWS_LAMBDA_RUNTIME_API": api_address,
        "AWS_LAMBDA_FUNCTION_NAME": "receiver",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_LOG_GROUP_NAME": "g",
        "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_ENDPOINT_URL": f"http://{aws_address}",
        "QUEUE_URL": f"http://{aws_address}/000000000000/events.fifo",
        "LEDGER_TABLE": "ledger",
        "WEBHOOK_SECRET": SECRET,
    }


def run(binary, deliveries, pad):
    api, api_address = serve(RuntimeApi)
    aws, aws_address = serve(Aws)
    environment = variables(api_address, aws_address)
    first = payload(0, pad)
    started = time.perf_counter()
    process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL)
    api.payloads.put(first)
    try:
        answered, body = api.answers.get(timeout=20)
        assert json.loads(body)["statusCode"] == 202, body
        cold = status(process.pid, "VmHWM")
        cpu = cpu_seconds(process.pid)
        for number in range(1, deliveries + 1):
            api.payloads.put(payload(number, pad))
            _, body = api.answers.get(timeout=20)
            assert json.loads(body)["statusCode"] == 202, body
        cpu = (cpu_seconds(process.pid) - cpu) / max(deliveries, 1)
        return {
            "init ms": (api.asked[0] - started) * 1000,
            "spawn to first answer ms": (answered - started) * 1000,
            "CPU per warm delivery ms": cpu * 1000,
            "peak MiB after the first": cold,
            "peak MiB at the end": status(process.pid, "VmHWM"),
        }
    finally:
        process.kill()
        process.wait()
        api.payloads.put(None)
        api.shutdown()
        aws.shutdown()


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", nargs="*", default=["target/release/receiver"])
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--deliveries", type=int, default=200)
    parser.add_argument("--pad", type=int, default=0)
    arguments = parser.parse_args()
    results = {binary: [] for binary in arguments.binaries}
    # Interleaved, so that a noisy moment of the machine falls on every binary alike.
    for _ in range(arguments.runs):
        for binary in arguments.binaries:
            results[binary].append(run(binary, arguments.deliveries, arguments.pad))
    for binary, runs in results.items():
        print(f"{binary} ({os.path.getsize(binary) / 1e6:.1f} MB), medians of {len(runs)} runs")
        for name in runs[0]:
            values = sorted(each[name] for each in runs)
            print(f"  {name:26} {statistics.median(values):8.2f}   ({values[0]:.2f} to {values[-1]:.2f})")


if __name__ == "__main__":
    main()
