//! A table of its own for each test, with the sample organization's options in it.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
        ScalarAttributeType,
    },
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};
use update_organization_option::{
    Handler, Invocation,
    authorize::AccessRules,
    document::{from_attribute, to_attribute},
    request::Event,
    store::Store,
};
use uuid::Uuid;

use crate::faults::{self, Fault};

pub(crate) const ORG: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
pub(crate) const OTHER_ORG: &str = "9b2d5b0e-8c0a-4c5f-9d3e-2f6a1c7b8d90";
pub(crate) const OPTION: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";
pub(crate) const ARCHIVED: &str = "7d444840-9dc0-41d1-b245-5ffdce74fad2";
pub(crate) const ABSENT: &str = "00000000-0000-4000-8000-000000000000";

/// The sample organization, the local gateway's too.
const SAMPLE: &str = include_str!("../../examples/local/sample.json");

pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) struct Engine {
    endpoint: String,
    client: Client,
    table: String,
    handler: Handler,
    /// What an invocation has.
    time: Duration,
}

/// What the client got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: i64,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
}

impl Engine {
    pub(crate) async fn start() -> Self {
        let endpoint = if let Ok(endpoint) = std::env::var("DYNAMODB_ENDPOINT") {
            endpoint
        } else {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let database = dynoxide::Database::memory().unwrap();
            tokio::spawn(dynoxide::server::serve_on(listener, database));
            format!("http://{address}")
        };
        let client = client(&endpoint);
        let table = format!("options-{}", Uuid::new_v4());
        create_table(&client, &table).await;
        let handler = handler(&client, &table);
        let engine = Self { endpoint, client, table, handler, time: Duration::from_mins(1) };
        let sample: Value = serde_json::from_str(SAMPLE).unwrap();
        for item in sample["items"].as_array().unwrap() {
            let AttributeValue::M(item) = to_attribute(item.clone()) else { unreachable!() };
            engine.put_item(item).await;
        }
        engine
    }

    /// The same table, with `fault` between the handler and the engine, and `time` for each
    /// invocation.
    pub(crate) async fn behind(mut self, fault: Fault, time: Duration) -> Self {
        let endpoint = faults::proxy(&self.endpoint, fault).await;
        self.handler = handler(&client(&endpoint), &self.table);
        self.time = time;
        self
    }

    pub(crate) async fn put_option(&self, option: &str, document: Value) {
        let mut item = Item::new();
        item.insert("pk".into(), AttributeValue::S(format!("ORG#{ORG}")));
        item.insert("sk".into(), AttributeValue::S(format!("OPTION#{option}")));
        item.insert("document".into(), to_attribute(document));
        item.insert("version".into(), AttributeValue::N("1".into()));
        self.put_item(item).await;
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
        let invocation = Invocation {
            request_id: Uuid::new_v4().to_string(),
            trace_id: None,
            deadline: Instant::now() + self.time,
        };
        let response = self.handler.handle(&event, &invocation).await;
        let headers = response
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let body = match response.body {
            Some(lambda_http::Body::Text(text)) => serde_json::from_str(&text).unwrap(),
            _ => Value::Null,
        };
        Answer { status: response.status_code, headers: headers.collect(), body }
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

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

fn handler(client: &Client, table: &str) -> Handler {
    let rules = AccessRules {
        organization_claim: "custom:org_guid".into(),
        scope_claim: "scope".into(),
        write_scope: "options/write".into(),
    };
    Handler::new(Store::new(client.clone(), table.to_owned()), rules)
}

async fn create_table(client: &Client, table: &str) {
    let mut create =
        client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        let attribute = AttributeDefinition::builder().attribute_name(name);
        let attribute = attribute.attribute_type(ScalarAttributeType::S);
        create = create.key_schema(key.build().unwrap());
        create = create.attribute_definitions(attribute.build().unwrap());
    }
    create.send().await.unwrap();
}

/// A REST API proxy event of a caller who may, with this patch.
pub(crate) fn event(option: &str, patch: &Value) -> Value {
    json!({
        "httpMethod": "PATCH",
        "path": format!("/orgs/{ORG}/options/{option}"),
        "pathParameters": {"org_guid": ORG, "option_guid": option},
        "headers": {"Content-Type": "application/json-patch+json"},
        "multiValueHeaders": null,
        "body": patch.to_string(),
        "isBase64Encoded": false,
        "requestContext": {"authorizer": {"claims": {
            "sub": "ann", "custom:org_guid": ORG, "scope": "options/write"
        }}}
    })
}

/// The event with this header too.
pub(crate) fn with_header(mut event: Value, name: &str, value: &str) -> Value {
    event["headers"][name] = json!(value);
    event
}
