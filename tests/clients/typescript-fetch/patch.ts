// Uses the client that openapi-generator makes of openapi.yaml. Arguments: base URL, token.

import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";

import {
    Code, Configuration, ModelError, ModelErrorFromJSON, Operation, OperationFromJSON, OptionsApi, ProblemFromJSON, Reason,
    ResponseError, UpdateOrganizationOptionDryRunEnum,
} from "./generated";

const [basePath, accessToken] = process.argv.slice(2);
const orgGuid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
const optionGuid = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
const options = new OptionsApi(new Configuration({ basePath, accessToken }));

async function send(operation: Operation[], headers: { ifMatch?: string; idempotencyKey?: string } = {}): Promise<Headers> {
    const answer = await options.updateOrganizationOptionRaw({ orgGuid, optionGuid, operation, ...headers });
    assert.equal(answer.raw.status, 204);
    return answer.raw.headers;
}

/** The body and the `ETag` of the 200. The client has one type for both bodies. */
async function shown(
    operation: Operation[], prefer: string, more: { ifMatch?: string; dryRun?: UpdateOrganizationOptionDryRunEnum } = {},
) {
    const answer = await options.updateOrganizationOptionRaw({ orgGuid, optionGuid, operation, prefer, ...more });
    assert.equal(answer.raw.status, 200);
    assert.equal(answer.raw.headers.get("Preference-Applied"), prefer);
    return { body: await answer.value(), ifMatch: answer.raw.headers.get("ETag") ?? assert.fail("no ETag") };
}

async function refusal(status: number, answer: Promise<Headers>): Promise<ModelError> {
    const error: unknown = await answer.then(() => assert.fail(`found 204, wanted ${status}`), (error) => error);
    if (!(error instanceof ResponseError)) throw error;
    assert.equal(error.response.status, status);
    return ModelErrorFromJSON(await error.response.json());
}

/** What is stored. The GET is the local server's alone, so the client has none. */
async function document(): Promise<unknown> {
    const answer = await fetch(`${basePath}/orgs/${orgGuid}/options/${optionGuid}`);
    return (await answer.json()).document;
}

async function main() {
    // The whole document first, so that it does not matter what was stored before.
    await send([{ op: "add", path: "", value: { name: "Delivery", list: [1, 2], count: 1 } }]);
    const six = await send([
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

    const error = await refusal(422, send([{ op: "remove", path: "/nope" }]));
    assert.equal(error.code, Code.OperationCannotBePerformed);
    assert.notEqual(error.message, "");
    assert.equal(error.info, "operation 0 (`remove` `/nope`): no such value in the document");

    const ifMatch = six.get("ETag") ?? assert.fail("no ETag");
    const rename: Operation[] = [{ op: "replace", path: "/name", value: "Pickup" }];
    assert.notEqual((await send(rename, { ifMatch })).get("ETag"), ifMatch);
    await refusal(412, send(rename, { ifMatch }));

    const append: Operation[] = [{ op: "add", path: "/list/-", value: 4 }];
    const idempotencyKey = `"${randomUUID()}"`;
    for (const replayed of [null, "true"]) {
        assert.equal((await send(append, { idempotencyKey })).get("Idempotency-Replayed"), replayed);
    }
    const end = { ...wanted, name: "Pickup", list: [1, 2, 3, 4] };
    assert.deepEqual(await document(), end);

    const again: Operation[] = [{ op: "replace", path: "/name", value: "Delivery" }];
    const asked = await shown(again, "return=representation", { dryRun: "All" });
    assert.deepEqual(asked.body, { ...end, name: "Delivery" });
    assert.deepEqual(await document(), end);
    const undo = await shown(again, "undo");
    assert.ok(Array.isArray(undo.body));
    const back = await shown(undo.body.map(OperationFromJSON), "return=representation", { ifMatch: undo.ifMatch });
    assert.deepEqual(back.body, end);

    const headers = { Accept: "application/problem+json" };
    const wary = new OptionsApi(new Configuration({ basePath, accessToken, headers }));
    const operation: Operation[] = [{ op: "remove", path: "/nope" }];
    const refused: unknown = await wary.updateOrganizationOption({ orgGuid, optionGuid, operation }).catch((error) => error);
    if (!(refused instanceof ResponseError)) throw refused;
    const problem = ProblemFromJSON(await refused.response.json());
    assert.equal(problem.reason, Reason.PathMissing);
    assert.deepEqual([problem.operation, problem.pointer], [0, "/nope"]);
    console.log("client typescript-fetch: 6 operations, 422, If-Match, key, dry run, undo, problem");
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
