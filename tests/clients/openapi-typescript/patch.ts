// Uses the types that openapi-typescript makes of openapi.yaml. Arguments: base URL, token.

import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";

import createClient from "openapi-fetch";

import type { components, operations, paths } from "./generated";

type Patch = components["schemas"]["Patch"];
type Parameters = operations["UpdateOrganizationOption"]["parameters"];

const [baseUrl, token] = process.argv.slice(2);
const path = { org_guid: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", option_guid: "6fa459ea-ee8a-4ca4-894e-db77e160355e" };
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

async function send(status: number, body: Patch, header: Parameters["header"] = {}, query: Parameters["query"] = {}) {
    const params = { path, header, query };
    const answer = await client.PATCH("/orgs/{org_guid}/options/{option_guid}", { params, body });
    assert.equal(answer.response.status, status);
    return { headers: answer.response.headers, data: answer.data, error: answer.error };
}

/** What is stored. The GET is the local server's alone, so the types have none. */
async function document(): Promise<unknown> {
    const answer = await fetch(`${baseUrl}/orgs/${path.org_guid}/options/${path.option_guid}`);
    return (await answer.json()).document;
}

async function main() {
    // The whole document first, so that it does not matter what was stored before.
    await send(204, [{ op: "add", path: "", value: { name: "Delivery", list: [1, 2], count: 1 } }]);
    const six = await send(204, [
        { op: "test", path: "/count", value: 1 },
        // A null that is sent, not a value that is left out.
        { op: "replace", path: "/name", value: null },
        { op: "add", path: "/list/-", value: 3 },
        { op: "copy", from: "/list", path: "/copy" },
        { op: "move", from: "/count", path: "/moved" },
        { op: "remove", path: "/copy/0" },
    ]);
    const wanted = { name: null, list: [1, 2, 3], copy: [2, 3], moved: 1 };
    assert.deepEqual(await document(), wanted);

    const { error } = await send(422, [{ op: "remove", path: "/nope" }]);
    // Of this type, so that the compiler refuses a code that there is not.
    const code: components["schemas"]["Code"] = "OperationCannotBePerformed";
    assert.equal(error?.code, code);
    // The types do not say that `Accept` decides which of the two an error is.
    if (!("info" in error)) assert.fail("not the error that was asked for");
    assert.notEqual(error.message, "");
    assert.equal(error.info, "operation 0 (`remove` `/nope`): no such value in the document");

    const etag = six.headers.get("ETag") ?? assert.fail("no ETag");
    const rename: Patch = [{ op: "replace", path: "/name", value: "Pickup" }];
    assert.notEqual((await send(204, rename, { "If-Match": etag })).headers.get("ETag"), etag);
    await send(412, rename, { "If-Match": etag });

    const append: Patch = [{ op: "add", path: "/list/-", value: 4 }];
    const key = `"${randomUUID()}"`;
    for (const replayed of [null, "true"]) {
        const answer = await send(204, append, { "Idempotency-Key": key });
        assert.equal(answer.headers.get("Idempotency-Replayed"), replayed);
    }
    const end = { ...wanted, name: "Pickup", list: [1, 2, 3, 4] };
    assert.deepEqual(await document(), end);

    const again: Patch = [{ op: "replace", path: "/name", value: "Delivery" }];
    const asked = await send(200, again, { Prefer: "return=representation" }, { dryRun: "All" });
    assert.deepEqual(asked.data, { ...end, name: "Delivery" });
    assert.deepEqual(await document(), end);
    const { data: undo, headers } = await send(200, again, { Prefer: "undo" });
    assert.equal(headers.get("Preference-Applied"), "undo");
    // Nor do the types say that `Prefer` decides which of the two a body is.
    if (!Array.isArray(undo)) assert.fail("not the patch that was asked for");
    const ifMatch = headers.get("ETag") ?? assert.fail("no ETag");
    const back = await send(200, undo, { Prefer: "return=representation", "If-Match": ifMatch });
    assert.deepEqual(back.data, end);

    const refused = await client.PATCH("/orgs/{org_guid}/options/{option_guid}", {
        params: { path },
        headers: { Accept: "application/problem+json" },
        body: [{ op: "remove", path: "/nope" }],
    });
    const problem = refused.error;
    if (!problem || !("detail" in problem)) assert.fail("not the problem that was asked for");
    const reason: components["schemas"]["Reason"] = "path-missing";
    assert.deepEqual([problem.reason, problem.operation, problem.pointer], [reason, 0, "/nope"]);
    console.log("client openapi-typescript: 6 operations, 422, If-Match, key, dry run, undo, problem");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
