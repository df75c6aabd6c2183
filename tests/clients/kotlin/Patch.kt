// Uses the models that openapi-generator makes of openapi.yaml. Arguments: base URL, token. The
// generated API stands on OkHttp; here Java's own client takes its place.

import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse
import java.net.http.HttpResponse.BodyHandlers
import java.util.UUID
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.jsonObject
import org.openapitools.client.infrastructure.Serializer.kotlinxSerializationJson as json
import org.openapitools.client.models.Code
import org.openapitools.client.models.Error
import org.openapitools.client.models.Operation
import org.openapitools.client.models.Operation.Op
import org.openapitools.client.models.Problem
import org.openapitools.client.models.Reason

fun <T> check(what: String, found: T, wanted: T) = check(found == wanted) { "$what: found $found, wanted $wanted" }

fun main(arguments: Array<String>) {
    val (baseUrl, token) = arguments
    val option = URI("$baseUrl/orgs/3f2504e0-4f89-41d3-9a0c-0305e82c3301/options/6fa459ea-ee8a-4ca4-894e-db77e160355e")
    val client = HttpClient.newHttpClient()

    fun send(status: Int, patch: List<Operation>, vararg headers: String, query: String = ""): HttpResponse<String> {
        val request = HttpRequest.newBuilder(URI("$option$query"))
            .headers("Authorization", "Bearer $token", "Content-Type", "application/json-patch+json", *headers)
            .method("PATCH", BodyPublishers.ofString(json.encodeToString(patch)))
        val answer = client.send(request.build(), BodyHandlers.ofString())
        check("status", answer.statusCode(), status)
        return answer
    }

    // What is stored. The GET is the local server's alone.
    fun document() = client.send(HttpRequest.newBuilder(option).build(), BodyHandlers.ofString())
        .let { json.parseToJsonElement(it.body()).jsonObject["document"] }

    // The whole document first, so that it does not matter what was stored before.
    val start = json.parseToJsonElement("""{"name": "Delivery", "list": [1, 2], "count": 1}""")
    send(204, listOf(Operation(Op.add, "", value = start)))
    val six = send(
        204,
        listOf(
            Operation(Op.test, "/count", value = JsonPrimitive(1)),
            Operation(Op.replace, "/name", value = JsonNull),
            Operation(Op.add, "/list/-", value = JsonPrimitive(3)),
            Operation(Op.copy, "/copy", from = JsonPrimitive("/list")),
            Operation(Op.move, "/moved", from = JsonPrimitive("/count")),
            Operation(Op.remove, "/copy/0"),
        ),
    )
    val wanted = json.parseToJsonElement("""{"name": null, "list": [1, 2, 3], "copy": [2, 3], "moved": 1}""")
    check("document", document(), wanted)

    val error = json.decodeFromString<Error>(send(422, listOf(Operation(Op.remove, "/nope"))).body())
    check("code", error.code, Code.OperationCannotBePerformed)
    check("message", error.message != "", true)
    check("info", error.info, "operation 0 (`remove` `/nope`): no such value in the document")

    val etag = six.headers().firstValue("ETag").get()
    val rename = listOf(Operation(Op.replace, "/name", value = JsonPrimitive("Pickup")))
    send(204, rename, "If-Match", etag)
    send(412, rename, "If-Match", etag)

    val append = listOf(Operation(Op.add, "/list/-", value = JsonPrimitive(4)))
    val key = "\"${UUID.randomUUID()}\""
    for (replayed in listOf(null, "true")) {
        val answer = send(204, append, "Idempotency-Key", key)
        check("Idempotency-Replayed", answer.headers().firstValue("Idempotency-Replayed").orElse(null), replayed)
    }
    val end = json.parseToJsonElement("""{"name": "Pickup", "list": [1, 2, 3, 4], "copy": [2, 3], "moved": 1}""")
    check("document", document(), end)

    val again = listOf(Operation(Op.replace, "/name", value = JsonPrimitive("Delivery")))
    val asked = send(200, again, "Prefer", "return=representation", query = "?dryRun=All")
    check("name as it would be", json.parseToJsonElement(asked.body()).jsonObject["name"], JsonPrimitive("Delivery"))
    check("document", document(), end)
    val changed = send(200, again, "Prefer", "undo")
    check("Preference-Applied", changed.headers().firstValue("Preference-Applied").get(), "undo")
    val undo = json.decodeFromString<List<Operation>>(changed.body())
    val newer = changed.headers().firstValue("ETag").get()
    val back = send(200, undo, "Prefer", "return=representation", "If-Match", newer)
    check("document as it is again", json.parseToJsonElement(back.body()), end)

    val refused = send(422, listOf(Operation(Op.remove, "/nope")), "Accept", "application/problem+json")
    val problem = json.decodeFromString<Problem>(refused.body())
    check("reason", problem.reason, Reason.pathMinusMissing)
    check("operation", problem.operation to problem.pointer, 0 to "/nope")
    println("client kotlin: 6 operations, 422, If-Match, key, dry run, undo, problem")
}
