"""Uses the client that openapi-generator makes of openapi.yaml. Arguments: base URL, token."""

import json
import sys
import urllib.request
import uuid

from openapi_client import ApiClient, Code, Configuration, Error, Operation, OptionsApi
from openapi_client.exceptions import ApiException, UnprocessableEntityException

base_url, token = sys.argv[1:]
ORG = uuid.UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301")
OPTION = uuid.UUID("6fa459ea-ee8a-4ca4-894e-db77e160355e")
options = OptionsApi(ApiClient(Configuration(host=base_url, access_token=token)))


def check(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")


def send(
    *patch: Operation, if_match: str | None = None, idempotency_key: str | None = None
) -> dict[str, str]:
    """Answers the headers of the 204, their names in lower case: they are the same in any."""
    answer = options.update_organization_option_with_http_info(
        ORG, OPTION, list(patch), if_match=if_match, idempotency_key=idempotency_key
    )
    check("status", answer.status_code, 204)
    return {name.lower(): value for name, value in (answer.headers or {}).items()}


def document() -> object:
    """What is stored. The GET is the local server's alone, so the client has none."""
    with urllib.request.urlopen(f"{base_url}/orgs/{ORG}/options/{OPTION}") as answer:
        return json.load(answer)["document"]


# The whole document first, so that it does not matter what was stored before.
send(Operation(op="add", path="", value={"name": "Delivery", "list": [1, 2], "count": 1}))
etag = send(
    Operation(op="test", path="/count", value=1),
    # A null that is sent, not a value that is left out.
    Operation(op="replace", path="/name", value=None),
    Operation(op="add", path="/list/-", value=3),
    # `from` is a keyword of Python.
    Operation(op="copy", path="/copy", **{"from": "/list"}),
    Operation(op="move", path="/moved", **{"from": "/count"}),
    Operation(op="remove", path="/copy/0"),
)["etag"]
wanted = {"name": None, "list": [1, 2, 3], "copy": [2, 3], "moved": 1}
check("document", document(), wanted)

try:
    send(Operation(op="remove", path="/nope"))
    sys.exit("a path that is missing: found 204, wanted 422")
except UnprocessableEntityException as refusal:
    error = refusal.data
    assert isinstance(error, Error), error
    check("code", error.code, Code.OPERATIONCANNOTBEPERFORMED)
    check("message", error.message != "", True)
    check("info", error.info, "operation 0 (`remove` `/nope`): no such value in the document")

rename = Operation(op="replace", path="/name", value="Pickup")
check("the ETag is new", send(rename, if_match=etag)["etag"] != etag, True)
try:
    send(rename, if_match=etag)
    sys.exit("a stale ETag: found 204, wanted 412")
except ApiException as refusal:
    check("a stale ETag", refusal.status, 412)

append = Operation(op="add", path="/list/-", value=4)
key = f'"{uuid.uuid4()}"'
for replayed in [None, "true"]:
    answer = send(append, idempotency_key=key)
    check("Idempotency-Replayed", answer.get("idempotency-replayed"), replayed)
check("document", document(), wanted | {"name": "Pickup", "list": [1, 2, 3, 4]})
print("client python: 6 operations, 422, If-Match, key")
