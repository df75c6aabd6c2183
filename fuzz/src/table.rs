//! The function before a table in this thread.

use std::{collections::BTreeMap, fmt, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig,
    },
    types::AttributeValue,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::body::SdkBody;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use dynoxide::{Database, DynoxideError};
use json_patch_dynamodb::{Limits, Patch, apply_within, from_attribute, to_attribute};
use lambda_http::Body;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};
use update_organization_option::{
    Handler, Invocation,
    authorize::AccessRules,
    request::{self, Event},
    rules::OptionRules,
    store::{DOCUMENT, Store, StoreConfig},
};

use crate::{limits::of_engine, sample, within_limits};

pub const TABLE: &str = "options";

/// The id of every invocation. No item of an input has it.
pub const REQUEST_ID: &str = "fuzz-request";

/// The limits of a patch in memory that is one update, as the store has them.
pub const OF_ONE_UPDATE: Limits =
    Limits { working_bytes: 64 * 1024 * 1024, copied_bytes: 64 * 1024 * 1024, ..Limits::DYNAMODB };

/// A table in memory, with the sample organization's options in it. The SDK's client calls the engine
/// without a network, so that an input always takes the same way.
pub struct Table {
    runtime: Runtime,
    database: Database,
    client: Client,
    sample: Items,
}

/// The items of a table, by their keys, in DynamoDB's JSON.
pub type Items = BTreeMap<String, Value>;

/// What a client gets.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: i64,
    pub etag: Option<String>,
    pub body: Value,
}

impl Table {
    /// Does `work` with this thread's table, which is as it was at first.
    pub fn with(work: impl FnOnce(&Self)) {
        thread_local!(static TABLE: Table = Table::new());
        TABLE.with(|table| {
            table.restore(&table.sample);
            work(table);
        });
    }

    fn new() -> Self {
        // Time stands still but for waits, which end at once.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let database = Database::memory().unwrap();
        let create = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"}
            ],
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"}
            ]
        });
        dispatch(&database, "CreateTable", &create.to_string()).unwrap();
        let client = client(database.clone());
        let mut table = Self { runtime, database, client, sample: Items::new() };
        let sample: Value = serde_json::from_str(sample::ITEMS).unwrap();
        for item in sample["items"].as_array().unwrap() {
            let AttributeValue::M(item) = to_attribute(item.clone()) else { unreachable!() };
            let put = table.client.put_item().table_name(TABLE).set_item(Some(item));
            table.run(put.send()).unwrap();
        }
        table.sample = table.items();
        table
    }

    /// A client of this table.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for the end of `work`.
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Everything in the table.
    pub fn items(&self) -> Items {
        let scan = json!({"TableName": TABLE, "ConsistentRead": true});
        let found = dispatch(&self.database, "Scan", &scan.to_string()).unwrap();
        let found: Value = serde_json::from_str(&found).unwrap();
        let items = found["Items"].as_array().unwrap();
        items.iter().map(|item| (key(item).to_string(), item.clone())).collect()
    }

    /// Stores an item; false where DynamoDB cannot have it.
    pub fn put(&self, item: &Value) -> bool {
        let put = json!({"TableName": TABLE, "Item": item}).to_string();
        dispatch(&self.database, "PutItem", &put).is_ok()
    }

    /// The document of an option of the sample organization, if it has one that is JSON.
    pub fn document(&self, option: &str) -> Option<Value> {
        let get = self.client.get_item().table_name(TABLE);
        let get = get.key("pk", AttributeValue::S(format!("ORG#{}", sample::ORG)));
        let get = get.key("sk", AttributeValue::S(format!("OPTION#{option}")));
        let mut item = self.run(get.send()).unwrap().item?;
        from_attribute(item.remove(DOCUMENT)?).ok()
    }

    /// Makes the table what it was when it had these items.
    pub fn restore(&self, before: &Items) {
        let items = self.items();
        for item in items.iter().filter_map(|(key, item)| before.get(key).is_none().then_some(item))
        {
            let delete = json!({"TableName": TABLE, "Key": key(item)}).to_string();
            dispatch(&self.database, "DeleteItem", &delete).unwrap();
        }
        for (key, item) in before {
            assert!(items.get(key) == Some(item) || self.put(item));
        }
    }

    /// A handler that has seen nothing yet.
    pub fn handler(&self) -> Handler {
        let store = Store::new(self.client.clone(), StoreConfig::new(TABLE));
        let rules = OptionRules::of_files(&sample::RULES).unwrap();
        Handler::new(store, AccessRules::default()).with_rules(rules)
    }

    /// Has the handler answer an event, given as the bytes that Lambda hands on; none where they are
    /// no event. Then the runtime tells Lambda so, and there is no answer.
    ///
    /// Panics where the answer is not what any client may count on.
    pub fn send(&self, handler: &Handler, event: &[u8]) -> Option<Answer> {
        let before = self.items();
        let invocation = Invocation {
            request_id: REQUEST_ID.to_owned(),
            trace_id: None,
            deadline: self.run(async { Instant::now() }) + Duration::from_secs(10),
        };
        let (response, waited, is_dry_run) = within_limits(|| {
            let event: Event = serde_json::from_slice(event).ok()?;
            self.run(async {
                let begin = Instant::now();
                let response = handler.handle(&event, &invocation).await;
                let is_dry_run = request::dry_run(&event) == Ok(true);
                Some((response, begin.elapsed(), is_dry_run))
            })
        })?;
        assert!(waited <= Duration::from_millis(250), "waited {waited:?}");
        let text = match response.body {
            Some(Body::Text(text)) => text,
            _ => String::new(),
        };
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        let etag = response.headers.get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        let answer = Answer { status: response.status_code, etag, body };
        // `TryLater` of a 500 says that the change may have been made.
        let may_have_written = answer.status == 500 && answer.body["code"] == "TryLater";
        if is_dry_run || answer.status >= 300 && !may_have_written {
            assert_eq!(self.items(), before, "something was written: {answer:?}");
        }
        Some(answer)
    }
}

/// A REST API proxy event of a caller who may change options. A body that is not UTF-8 is in base64.
pub fn event(option: &str, headers: &Value, query: &Value, body: &[u8]) -> Value {
    let text = std::str::from_utf8(body).map(str::to_owned);
    json!({
        "pathParameters": {"org_guid": sample::ORG, "option_guid": option},
        "headers": headers,
        "queryStringParameters": query,
        "isBase64Encoded": text.is_err(),
        "body": text.unwrap_or_else(|_| STANDARD.encode(body)),
        "requestContext": {"authorizer": {"claims": {
            "sub": "ann", "custom:org_guid": sample::ORG, "scope": "options/write"
        }}}
    })
}

/// Sends a change to a handler that knows nothing, to one that has seen the option, and as a dry run.
/// Checks that all three answer alike, and that the document is what `patch`, which is the change,
/// makes of it in memory. Returns the answer.
pub fn change_is_right(
    table: &Table,
    option: &str,
    event: &Value,
    patch: Option<&Patch>,
) -> Answer {
    let (before, document) = (table.items(), table.document(option));
    let send = |handler: &Handler, event: &Value| {
        table.send(handler, event.to_string().as_bytes()).expect("an event")
    };
    let answer = send(&table.handler(), event);
    let changed = table.document(option);
    table.restore(&before);

    let handler = table.handler();
    let mut dry_run = event.clone();
    dry_run["queryStringParameters"] = json!({"dryRun": "All"});
    let foreseen = send(&handler, &dry_run);
    let again = send(&handler, event);
    let outcome = |answer: &Answer| (answer.status, answer.body.clone());
    assert_eq!(outcome(&answer), outcome(&again), "to a handler that has seen the option");
    assert_eq!(changed, table.document(option), "by a handler that has seen the option");
    assert_eq!(outcome(&answer), outcome(&foreseen), "as a dry run");

    if let (Some(document), Some(patch)) = (document, patch) {
        let expected = apply_within(patch, document, &OF_ONE_UPDATE);
        match answer.status {
            200 | 204 => assert_eq!(changed, Some(expected.unwrap())),
            422 if answer.body["code"] == "OperationCannotBePerformed" => {
                expected.expect_err("the patch fits");
            }
            _ => {}
        }
    }
    answer
}

/// The engine in the place of an HTTP connection to DynamoDB.
struct Connection(Database);

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

impl HttpConnector for Connection {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let (_, operation) = target.split_once('.').unwrap();
        let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap();
        let (status, body) = of_engine(|| match dispatch(&self.0, operation, body) {
            Ok(body) => (200, body),
            Err(error) => (error.status_code(), error.to_json()),
        });
        let status = status.try_into().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

fn client(database: Database) -> Client {
    let connection = SharedHttpConnector::new(Connection(database));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .http_client(http_client_fn(move |_, _| connection.clone()))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// Has the engine carry out one operation of DynamoDB's API.
fn dispatch(database: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    fn call<Q: DeserializeOwned, A: Serialize>(
        body: &str,
        operation: impl FnOnce(Q) -> Result<A, DynoxideError>,
    ) -> Result<String, DynoxideError> {
        let invalid =
            |error: serde_json::Error| DynoxideError::ValidationException(error.to_string());
        let answer = operation(serde_json::from_str(body).map_err(invalid)?)?;
        serde_json::to_string(&answer).map_err(invalid)
    }
    match operation {
        "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
        "CreateTable" => call(body, |request| database.create_table(request)),
        "DeleteItem" => call(body, |request| database.delete_item(request)),
        "GetItem" => call(body, |request| database.get_item(request)),
        "PutItem" => call(body, |request| database.put_item(request)),
        "Scan" => call(body, |request| database.scan(request)),
        "TransactGetItems" => call(body, |request| database.transact_get_items(request)),
        "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
        "UpdateItem" => call(body, |request| database.update_item(request)),
        other => panic!("the function asks for {other}"),
    }
}

fn key(item: &Value) -> Value {
    json!({"pk": item["pk"], "sk": item["sk"]})
}
