"""What the long run, the stop and the retries share: a free port, the function under Amazon's emulator, and
a DynamoDB before which connections are broken on purpose."""

import collections
import http.client
import json
import os
import pathlib
import re
import select
import socket
import struct
import subprocess
import threading
import time

ORG = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Function:
    """The artefact under the emulator, which a command before it can start."""

    def __init__(self, bootstrap, emulator, endpoint, log, prefix=()):
        self.port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_FUNCTION_NAME": "UpdateOrganizationOption",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "TABLE_NAME": "options",
        }
        self.emulator = subprocess.Popen(
            [
                *prefix, emulator, "--runtime-interface-emulator-address", f"127.0.0.1:{self.port}",
                "--runtime-api-address", f"127.0.0.1:{free_port()}", bootstrap,
            ],
            env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    break
            if self.emulator.poll() is not None:
                raise SystemExit("the emulator does not start")
            time.sleep(0.05)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def send(self, event):
        """Hands an event to the emulator, which runs the function. The answer is to be received."""
        self.connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))

    def receive(self):
        return json.load(self.connection.getresponse())

    def invoke(self, event):
        self.send(event)
        return self.receive()

    def pid(self):
        """The function's process, which the emulator starts at the first event."""
        children = set()
        for task in pathlib.Path(f"/proc/{self.emulator.pid}/task").iterdir():
            children |= set((task / "children").read_text().split())
        (pid,) = children
        return int(pid)

    def end(self):
        # The emulator ends the function with itself.
        self.emulator.terminate()
        self.emulator.wait()


def event(option, patch, headers=(), query=None):
    kind = "merge-patch" if isinstance(patch, dict) else "json-patch"
    claims = {"sub": "ann", "custom:org_guid": ORG, "scope": "options/write"}
    return {
        "httpMethod": "PATCH",
        "path": f"/orgs/{ORG}/options/{option}",
        "pathParameters": {"org_guid": ORG, "option_guid": option},
        "queryStringParameters": query,
        "headers": {"Content-Type": f"application/{kind}+json", **dict(headers)},
        "body": json.dumps(patch),
        "isBase64Encoded": False,
        "requestContext": {"authorizer": {"claims": claims}},
    }


class Table:
    """The table, past the function and all faults."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, operation, **request):
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"DynamoDB_20120810.{operation}",
            "Authorization": "AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/dynamodb/aws4_request, "
            "SignedHeaders=host, Signature=0",
            "X-Amz-Date": "20260101T000000Z",
        }
        self.connection.request("POST", "/", json.dumps({"TableName": "options", **request}), headers)
        answer = self.connection.getresponse()
        body = json.load(answer)
        assert answer.status == 200, body
        return body

    @staticmethod
    def key(option):
        return {"pk": {"S": f"ORG#{ORG}"}, "sk": {"S": f"OPTION#{option}"}}

    def put(self, option, document):
        item = {**self.key(option), "document": attribute(document), "version": {"N": "1"}}
        self.call("PutItem", Item=item)

    def get(self, option):
        """The option's document and version."""
        item = self.call("GetItem", Key=self.key(option), ConsistentRead=True)["Item"]
        return value(item["document"]), int(item["version"]["N"])


def attribute(json_value):
    match json_value:
        case dict():
            return {"M": {name: attribute(each) for name, each in json_value.items()}}
        case list():
            return {"L": [attribute(each) for each in json_value]}
        case int():
            return {"N": str(json_value)}
        case str():
            return {"S": json_value}


def value(of_attribute):
    ((kind, inner),) = of_attribute.items()
    match kind:
        case "M":
            return {name: value(each) for name, each in inner.items()}
        case "L":
            return [value(each) for each in inner]
        case "N":
            return int(inner)
        case "S":
            return inner


# Not in Python's module: a connection in this mode is closed without a word to the other side (tcp(7) does
# not have it; Linux, `include/uapi/linux/tcp.h`).
TCP_REPAIR = 19


class Ended(Exception):
    """A connection has ended."""


class Stream:
    """A connection of whole HTTP messages."""

    def __init__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.buffer = b""

    def fill(self):
        more = self.connection.recv(1 << 20)
        if not more:
            raise Ended
        self.buffer += more

    def receive(self):
        """A message as it came: its head and its body."""
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        length = int(length[1]) if length else 0
        while len(self.buffer) < length:
            self.fill()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return head, body

    def send(self, head, body):
        self.connection.sendall(head + b"\r\n\r\n" + body)


def refusal(status, name):
    body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": "injected"}).encode()
    head = f"HTTP/1.1 {status} Refused\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {len(body)}"
    return head.encode(), body


class Database:
    """Passes requests on to the DynamoDB at `port`. `fault` says what happens to one, by its operation:

    | fault | the request |
    |---|---|
    | none | is passed on |
    | throttled | is refused |
    | reset | is not passed on, and its connection is reset |
    | lost | is passed on, and its connection reset without an answer |
    | cut | is passed on, and its connection is closed after half of the answer |
    | slow | is passed on, and its answer comes 100 ms later |
    | held | is passed on, and never answered |
    """

    def __init__(self, port, fault=lambda operation: None):
        self.port = port
        self.fault = fault
        self.faults = collections.Counter()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        # The function's connections that are open.
        self.open = {}
        self.accepted = 0
        # Has a permit for each request that was held.
        self.held = threading.Semaphore(0)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            self.accepted += 1
            ours, theirs = socket.socketpair()
            thread = threading.Thread(target=self.serve, args=(connection, ours), daemon=True)
            self.open[thread] = theirs
            thread.start()

    def serve(self, connection, orders):
        stream = Stream(connection)
        engine = Stream(socket.create_connection(("127.0.0.1", self.port)))
        try:
            while True:
                if not stream.buffer:
                    ready, _, _ = select.select([connection, orders], [], [])
                    if orders in ready:
                        if orders.recv(1) == b"v":
                            connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
                        return
                self.answer(stream, engine)
        except (Ended, ConnectionError):
            pass
        finally:
            self.open.pop(threading.current_thread(), None)
            connection.close()
            engine.connection.close()

    def answer(self, stream, engine):
        head, body = stream.receive()
        operation = re.search(rb"\r\nx-amz-target: *[^.]*\.(\w+)", head, re.IGNORECASE)[1].decode()
        fault = self.fault(operation)
        self.faults[fault] += 1
        if fault == "throttled":
            return stream.send(*refusal(400, "ThrottlingException"))
        if fault == "reset":
            self.reset(stream)
        engine.send(head, body)
        head, body = engine.receive()
        if fault == "lost":
            self.reset(stream)
        if fault == "cut":
            stream.send(head, body[: len(body) // 2])
            raise Ended
        if fault == "held":
            self.held.release()
            stream.fill()
        if fault == "slow":
            time.sleep(0.1)
        stream.send(head, body)

    @staticmethod
    def reset(stream):
        stream.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise Ended

    def end_connections(self, how):
        """Closes the open connections (`c`), or lets them vanish (`v`): the next packet is reset."""
        for thread, orders in list(self.open.items()):
            orders.send(how.encode())
            thread.join()
