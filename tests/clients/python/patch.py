"""Uses the client that openapi-generator makes of openapi.yaml. Arguments: base URL, token."""

import json
import sys
import urllib.request
import uuid

from openapi_client import ApiClient, Code, Configuration, Error, Operation, OptionsApi, Problem, Reason
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


def shown(
    *patch: Operation, prefer: str, if_match: str | None = None, dry_run: str | None = None
) -> tuple[object, dict[str, str]]:
    """Answers the body and the headers of the 200. The client has one type for both bodies: any JSON."""
    answer = options.update_organization_option_with_http_info(
        ORG, OPTION, list(patch), prefer=prefer, if_match=if_match, dry_run=dry_run
    )
    check("status", answer.status_code, 200)
    headers = {name.lower(): value for name, value in (answer.headers or {}).items()}
    check("Preference-Applied", headers["preference-applied"], prefer)
    return answer.data, headers


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
wanted: dict[str, object] = {"name": None, "list": [1, 2, 3], "copy": [2, 3], "moved": 1}
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
wanted |= {"name": "Pickup", "list": [1, 2, 3, 4]}
check("document", document(), wanted)

rename = Operation(op="replace", path="/name", value="Delivery")
body, _ = shown(rename, prefer="return=representation", dry_run="All")
check("the document as it would be", body, wanted | {"name": "Delivery"})
check("document", document(), wanted)

undo, headers = shown(rename, prefer="undo")
check("undo", undo, [{"op": "replace", "path": "/name", "value": "Pickup"}])
assert isinstance(undo, list)
operations = [operation for each in undo if (operation := Operation.from_dict(each))]
body, _ = shown(*operations, prefer="return=representation", if_match=headers["etag"])
check("the document as it is again", body, wanted)

try:
    options.update_organization_option(
        ORG, OPTION, [Operation(op="remove", path="/nope")], _headers={"Accept": "application/problem+json"}
    )
    sys.exit("a path that is missing: found a success, wanted 422")
except UnprocessableEntityException as refusal:
    # `data` is an `Error` here too, and has no more than `code` and `message`.
    problem = Problem.from_json(refusal.body or "")
    assert problem, refusal.body
    check("reason", problem.reason, Reason.PATH_MINUS_MISSING)
    check("operation", (problem.operation, problem.pointer), (0, "/nope"))
print("client python: 6 operations, 422, If-Match, key, dry run, undo, problem")
