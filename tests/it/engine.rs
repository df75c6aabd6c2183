//! A table of its own for each test, with the sample organization's options in it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use aws_sdk_dynamodb::{
    Client, operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue,
};
use json_patch_dynamodb::{from_attribute, to_attribute};
use local::{
    engine,
    proxy::{self, Fault},
    sample, table,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::task::TaskTracker;
use update_organization_option::{
    Handler, Invocation,
    authorize::AccessRules,
    request::Event,
    rules::OptionRules,
    store::{ATTEMPT_TIMEOUT, Store, StoreConfig, Trust, http_client, timeouts},
};
use uuid::Uuid;

pub(crate) use local::sample::{OPTION, ORG};

pub(crate) const OTHER_ORG: &str = "9b2d5b0e-8c0a-4c5f-9d3e-2f6a1c7b8d90";
pub(crate) const ARCHIVED: &str = "7d444840-9dc0-41d1-b245-5ffdce74fad2";
pub(crate) const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// The id of one of many options, numbered from 1.
pub(crate) fn option(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// How long one request to the engine may take in a hurry, in place of the deployed client's
/// seconds.
const ATTEMPT: Duration = Duration::from_millis(150);

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) struct Engine {
    endpoint: String,
    client: Client,
    table: String,
    store: Store,
    access: AccessRules,
    rules: OptionRules,
    handler: Handler,
    /// The writes that come late.
    late: TaskTracker,
    /// The time of an invocation.
    time: Duration,
    /// How many events were sent. Each has its number in its request's id.
    invocations: AtomicU32,
}

/// The answer that the client got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i64,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let endpoint = if let Ok(endpoint) = std::env::var("DYNAMODB_ENDPOINT") {
            endpoint
        } else {
            engine::start().await.unwrap()
        };
        let client =
            local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
        let table = format!("options-{}", Uuid::new_v4());
        table::prepare(&client, &table).await.unwrap();
        let store = Store::new(client.clone(), StoreConfig::new(&*table));
        let (access, rules) = (AccessRules::default(), OptionRules::default());
        let handler = handler(&client, &table, &access, &rules);
        let (time, invocations) = (Duration::from_mins(1), AtomicU32::new(0));
        let late = TaskTracker::new();
        Self { endpoint, client, table, store, access, rules, handler, late, time, invocations }
    }

    /// The same table, with a proxy between the handler and the engine, and `time` for each
    /// invocation.
    pub(crate) async fn behind(
        self,
        decide: impl Fn(&str, &[u8]) -> Option<Fault> + Send + Sync + 'static,
        time: Duration,
    ) -> Self {
        self.behind_with(decide, time, ATTEMPT_TIMEOUT).await
    }

    /// The same, with little time for each request to the engine.
    pub(crate) async fn hastily_behind(
        self,
        decide: impl Fn(&str, &[u8]) -> Option<Fault> + Send + Sync + 'static,
        time: Duration,
    ) -> Self {
        self.behind_with(decide, time, ATTEMPT).await
    }

    /// The same table, with a handler for callers who have access by `access`, of options with these
    /// rules.
    pub(crate) fn with(mut self, access: AccessRules, rules: OptionRules) -> Self {
        let client =
            local::client(&self.endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
        self.handler = handler(&client, &self.table, &access, &rules);
        (self.access, self.rules) = (access, rules);
        self
    }

    async fn behind_with(
        mut self,
        decide: impl Fn(&str, &[u8]) -> Option<Fault> + Send + Sync + 'static,
        time: Duration,
        attempt: Duration,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy =
            proxy::serve(listener, self.endpoint.clone(), Arc::new(decide), self.late.clone());
        tokio::spawn(proxy);
        self.endpoint = format!("http://{address}");
        let client = local::client(&self.endpoint, http_client(Trust::Anyone), timeouts(attempt));
        self.handler = handler(&client, &self.table, &self.access, &self.rules);
        self.time = time;
        self
    }

    /// Waits until the writes that come late have come.
    pub(crate) async fn late_writes(&self) {
        self.late.close();
        self.late.wait().await;
        self.late.reopen();
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    /// The table without the handler before it.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// An update of an option's item.
    pub(crate) fn update_item(&self, option: &str) -> UpdateItemFluentBuilder {
        let update = self.client.update_item().table_name(&self.table);
        let update = update.key("pk", AttributeValue::S(format!("ORG#{ORG}")));
        update.key("sk", AttributeValue::S(format!("OPTION#{option}")))
    }

    /// The address at which the handler finds DynamoDB.
    pub(crate) fn address(&self) -> &str {
        &self.endpoint
    }

    pub(crate) async fn put_option(&self, option: &str, document: Value) {
        self.put_option_of(option, document, Some(1)).await;
    }

    /// Stores an option of this version, or one without a version.
    pub(crate) async fn put_option_of(&self, option: &str, document: Value, version: Option<u64>) {
        let mut item = Item::new();
        item.insert("pk".into(), AttributeValue::S(format!("ORG#{ORG}")));
        item.insert("sk".into(), AttributeValue::S(format!("OPTION#{option}")));
        item.insert("document".into(), to_attribute(document));
        if let Some(version) = version {
            item.insert("version".into(), AttributeValue::N(version.to_string()));
        }
        self.put_item(item).await;
    }

    /// Makes every idempotency record one that expired a second ago.
    pub(crate) async fn expire_records(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        self.change_records(|record| {
            record.insert("expiresAt".into(), AttributeValue::N((now - 1).to_string()));
        })
        .await;
    }

    /// Changes every idempotency record of the option.
    pub(crate) async fn change_records(&self, change: impl Fn(&mut Item)) {
        for (_, mut item) in self.everything().await {
            if item.contains_key("fingerprint") && !item["sk"].as_s().unwrap().contains("-used#") {
                change(&mut item);
                self.put_item(item).await;
            }
        }
    }

    async fn put_item(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    /// Every item of the table, in an order that stays.
    pub(crate) async fn everything(&self) -> Vec<(String, Item)> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let items = scan.send().await.unwrap().items.unwrap_or_default();
        let keyed = |item: Item| (format!("{:?} {:?}", item["pk"], item["sk"]), item);
        let mut items: Vec<_> = items.into_iter().map(keyed).collect();
        items.sort_by(|(a, _), (b, _)| a.cmp(b));
        items
    }

    /// The stored item of an option.
    pub(crate) async fn item(&self, option: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", AttributeValue::S(format!("ORG#{ORG}")));
        let get = get.key("sk", AttributeValue::S(format!("OPTION#{option}")));
        get.send().await.unwrap().item
    }

    /// The stored document and version of an option.
    pub(crate) async fn stored(&self, option: &str) -> (Value, String) {
        let mut item = self.item(option).await.expect("the option is there");
        let version = item["version"].as_n().unwrap().clone();
        (from_attribute(item.remove("document").unwrap()).unwrap(), version)
    }

    pub(crate) async fn send(&self, event: Value) -> Answer {
        let event: Event = serde_json::from_value(event).expect("an event");
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        let invocation = Invocation {
            request_id: format!("request-{number}"),
            trace_id: None,
            deadline: Instant::now() + self.time,
        };
        let response = self.handler.handle(&event, &invocation).await;
        let headers = response
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let text = match response.body {
            Some(lambda_http::Body::Text(text)) => text,
            _ => String::new(),
        };
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        Answer { status: response.status_code, headers: headers.collect(), body, text }
    }

    /// Sends the event and checks that it is refused with this status, code and info, and that
    /// nothing was written.
    #[track_caller]
    pub(crate) fn refuses(
        &self,
        event: Value,
        (status, code, info): (i64, &'static str, impl Into<String>),
    ) -> impl Future<Output = Answer> {
        let info = info.into();
        let caller = std::panic::Location::caller();
        Box::pin(async move {
            let before = (self.item(OPTION).await, self.item(ARCHIVED).await);
            let answer = self.send(event).await;
            assert_eq!(answer.status, status, "{caller}: {answer:?}");
            let members: Vec<_> = answer.body.as_object().unwrap().keys().collect();
            assert_eq!(members, ["code", "info", "message"], "{caller}");
            assert_eq!(answer.body["code"], code, "{caller}: {answer:?}");
            assert_eq!(answer.body["info"], info, "{caller}");
            assert_eq!(answer.headers["content-type"], "application/json", "{caller}");
            assert_eq!((self.item(OPTION).await, self.item(ARCHIVED).await), before, "{caller}");
            answer
        })
    }
}

fn handler(client: &Client, table: &str, access: &AccessRules, rules: &OptionRules) -> Handler {
    let store = Store::new(client.clone(), StoreConfig::new(table));
    Handler::new(store, access.clone()).with_rules(rules.clone())
}

/// The rules of the sample.
pub(crate) fn sample_rules() -> OptionRules {
    OptionRules::of_files(&sample::RULES).unwrap()
}

/// A REST API proxy event with this patch, of a caller who may change options. An object is a merge patch.
pub(crate) fn event(option: &str, patch: &Value) -> Value {
    let kind = if patch.is_object() { "merge-patch" } else { "json-patch" };
    json!({
        "httpMethod": "PATCH",
        "path": format!("/orgs/{ORG}/options/{option}"),
        "pathParameters": {"org_guid": ORG, "option_guid": option},
        "headers": {"Content-Type": format!("application/{kind}+json")},
        "multiValueHeaders": null,
        "body": patch.to_string(),
        "isBase64Encoded": false,
        "requestContext": {"authorizer": {"claims": {
            "sub": "ann", "custom:org_guid": ORG, "scope": "options/write"
        }}}
    })
}

/// The event with this header added.
pub(crate) fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = json!(value);
    event
}
