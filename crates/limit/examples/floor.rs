//! The least that one request can cost: the function with a client of DynamoDB that does nothing but sign
//! the update, send it on one connection, and read the answer.
//!
//! Everything else is the function's own: Lambda's runtime, the event, the plan, the answer, the log line.
//! What a service needs beside that is left out: certificates, time limits, attempts, an end of idle
//! connections, the meaning of errors. So this is measured, and never deployed.
#![expect(clippy::expect_used, reason = "it only ever runs in a measurement")]

use std::{convert::Infallible, sync::Arc, time::SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use json_patch_dynamodb::{Hints, Plan, Rules};
use lambda_http::{LambdaEvent, aws_lambda_events::apigw::ApiGatewayProxyResponse, service_fn};
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpStream,
    runtime::{Builder, LocalOptions},
    sync::Mutex,
    time::Instant,
};
use update_organization_option::{
    Invocation,
    authorize::{AccessRules, Caller},
    config::Config,
    id::Version,
    request::{self, Client, Event, PatchRequest},
    response::respond,
    store::{DOCUMENT, Done, Effort, Outcome, Shown},
    telemetry::{self, Operations, Record},
};

/// DynamoDB, by one connection.
struct Table {
    name: String,
    region: String,
    host: String,
    identity: Identity,
    connection: Mutex<SendRequest<Full<Bytes>>>,
}

impl Table {
    async fn connect(name: String) -> Self {
        let get = |name| std::env::var(name).expect("a variable of the environment");
        let endpoint = get("AWS_ENDPOINT_URL_DYNAMODB");
        let host = endpoint.trim_start_matches("http://").to_owned();
        let stream = TcpStream::connect(&host).await.expect("a connection");
        stream.set_nodelay(true).expect("a connection");
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(connection);
        let (id, secret) = (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY"));
        let credentials = Credentials::new(id, secret, None, None, "environment");
        Self {
            name,
            region: get("AWS_REGION"),
            host,
            identity: credentials.into(),
            connection: Mutex::new(sender),
        }
    }

    async fn send(&self, operation: &str, body: Vec<u8>) -> Value {
        let settings = SigningSettings::default();
        let parameters = v4::SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name("dynamodb")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .expect("all parameters")
            .into();
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("host", &self.host),
            ("x-amz-target", operation),
        ];
        let url = format!("http://{}/", self.host);
        let signable =
            SignableRequest::new("POST", &url, headers.into_iter(), SignableBody::Bytes(&body))
                .expect("a request");
        let (signed, _) = sign(signable, &parameters).expect("a signature").into_parts();
        let mut request = Request::post("/");
        for (name, value) in headers.into_iter().chain(signed.headers()) {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let answer = self.connection.lock().await.send_request(request).await.expect("an answer");
        let answer = answer.into_body().collect().await.expect("an answer").to_bytes();
        serde_json::from_slice(&answer).expect("JSON")
    }
}

fn main() {
    let config = Config::from_env().expect("a configuration");
    telemetry::init(&config.log);
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .expect("a runtime");
    runtime.block_on(runtime.spawn_local(serve(config))).expect("no panic");
}

async fn serve(config: Config) {
    let timeout = config.timeout;
    let table = Arc::new(Table::connect(config.store.table).await);
    let access: &'static _ = Box::leak(Box::new(config.access));
    let service = service_fn(move |event: LambdaEvent<_>| {
        let table = Arc::clone(&table);
        async move {
            let invocation = Invocation::new(&event.context, timeout);
            Ok::<_, Infallible>(handle(&table, access, &event.payload, &invocation).await)
        }
    });
    Box::pin(lambda_runtime::run_concurrent(service)).await.expect("a runtime");
}

/// What the function does with a request that changes something by one update.
async fn handle(
    table: &Table,
    access: &AccessRules,
    event: &Event,
    invocation: &Invocation,
) -> ApiGatewayProxyResponse {
    let start = Instant::now();
    let mut record = Record::new(invocation, Effort::until(invocation.deadline), false);
    let caller = Caller::of(event).expect("a caller");
    record.sub = Some(caller.subject().to_owned());
    caller.check_scope(access).expect("the scope");
    let org = request::organization(event).expect("an organization");
    record.org = Some(org);
    caller.access(org, access).expect("access");
    record.client = Client::parse(event).expect("a client");
    let request = PatchRequest::parse(event).expect("a request");
    record.option = Some(request.option);
    record.operations = Operations::count(&request.patch);
    let hints = Hints::default();
    let plan = Plan::keeping(Rules::none(), &request.patch, DOCUMENT, &hints);
    record.plan = Some(plan.as_str());
    let Plan::Direct(update) = plan else { unreachable!("the event's patch is one update") };

    let now = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    let mut values = Map::new();
    for (number, value) in update.values.iter().enumerate() {
        let value = match &**value {
            Value::String(text) => json!({"S": text}),
            Value::Number(number) => json!({"N": number.to_string()}),
            other => unreachable!("the patch has texts and numbers alone, not {other}"),
        };
        values.insert(format!(":{number}"), value);
    }
    for (name, value) in [
        (":zero", json!({"N": "0"})),
        (":one", json!({"N": "1"})),
        (":updatedAt", json!({"S": now})),
        (":updatedBy", json!({"S": caller.subject()})),
        (":lastWrite", json!({"S": invocation.request_id})),
    ] {
        values.insert(name.to_owned(), value);
    }
    let mut names: Map<_, _> =
        update.names.iter().map(|(name, of)| (name.clone(), of.clone().into())).collect();
    for name in ["version", "updatedAt", "updatedBy", "lastWrite", "archivedAt", "pk"] {
        names.insert(format!("#{name}"), name.into());
    }
    let mut conditions =
        vec!["attribute_exists(#pk)".to_owned(), "attribute_not_exists(#archivedAt)".to_owned()];
    conditions.extend(update.conditions.iter().cloned());
    let own = "#version=if_not_exists(#version,:zero)+:one,#updatedAt=:updatedAt,\
               #updatedBy=:updatedBy,#lastWrite=:lastWrite";
    let body = json!({
        "TableName": table.name,
        "Key": {
            "pk": {"S": format!("ORG#{org}")},
            "sk": {"S": format!("OPTION#{}", request.option)}
        },
        "UpdateExpression": format!("SET {own},{}", update.set.join(",")),
        "ConditionExpression": conditions.join(" AND "),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ReturnConsumedCapacity": "TOTAL",
        "ReturnValues": "UPDATED_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"
    });
    let body = serde_json::to_vec(&body).expect("JSON");
    let answer = table.send("DynamoDB_20120810.UpdateItem", body).await;
    assert!(answer["Attributes"]["version"]["N"].is_string());
    record.effort.requests = 1;
    record.effort.capacity_units =
        answer["ConsumedCapacity"]["CapacityUnits"].as_f64().expect("a number");

    let done = Done { version: Some(Version::default()), replayed: false };
    let outcome = Ok(Outcome { done, shown: Shown::Nothing });
    let response = respond(&outcome, event, &invocation.request_id);
    record.write(&outcome, start.elapsed());
    response
}
