//! The gateway: checks the token as the authorizer would, builds the REST proxy event, calls the
//! handler. Beside the API it serves the page that shows `openapi.yaml`.

use std::{io, net::Ipv4Addr, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use axum::{
    Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, Path as Parameters, Query, State,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, ETAG},
    },
    middleware::from_fn_with_state,
    response::{Html, IntoResponse, Response},
    routing::{any, get},
};
use json_patch_dynamodb::from_attribute;
use local::{
    CommandError, endpoint,
    engine::{self, Database},
    sample, table, token,
};
use serde_json::{Map, Value, json};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};
use tokio::{net::TcpListener, time::Instant};
use tracing::level_filters::LevelFilter;
use update_organization_option::{
    Handler, Invocation,
    authorize::AccessRules,
    config::{LogConfig, LogFormat},
    error::Code,
    messages::Language,
    request::Event,
    rules::OptionRules,
    store::{ATTEMPT_TIMEOUT, Store, StoreConfig, Trust, http_client, timeouts},
    telemetry,
};
use uuid::Uuid;

use crate::{
    Serve,
    origin::{self, Cors},
};

/// As long as the function's own timeout in `template.yaml`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// API Gateway's own limit on a payload.
const MAX_PAYLOAD_BYTES: usize = 10_000_000;

const PAGE: &str = include_str!("page.html");

const OPENAPI: &str = include_str!("../../openapi.yaml");

struct Gateway {
    client: Client,
    table: String,
    handler: Handler,
}

/// The handler on `table`, of options with these rules, with the default configuration. Who
/// holds the scope `options/rules` may change what is read-only.
pub(crate) fn handler(client: &Client, table: &str, rules: OptionRules) -> Handler {
    let store = Store::new(client.clone(), StoreConfig::new(table));
    let rules_scope = Some("options/rules".to_owned());
    let access = AccessRules { rules_scope, ..AccessRules::default() };
    Handler::new(store, access).with_rules(rules)
}

pub(crate) fn invocation(timeout: Duration) -> Invocation {
    Invocation {
        request_id: Uuid::new_v4().to_string(),
        trace_id: None,
        deadline: Instant::now() + timeout,
    }
}

pub(crate) async fn listen(address: Ipv4Addr, port: u16) -> Result<TcpListener, CommandError> {
    let bound = TcpListener::bind((address, port)).await;
    bound.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => CommandError::of(
            format!("{address}:{port}"),
            "already in use, perhaps by another local server; take another by `--port` or \
             `--dynamodb-port`",
        ),
        _ => CommandError::of(format!("{address}:{port}"), error),
    })
}

fn port(listener: &TcpListener) -> Result<u16, CommandError> {
    listener
        .local_addr()
        .map(|address| address.port())
        .map_err(|error| CommandError::of("port", error))
}

pub(crate) async fn serve(serve: Serve) -> Result<(), CommandError> {
    // The embedded engine warns of every request that it refuses, a failed condition too.
    let (level, others) = (LevelFilter::INFO, LevelFilter::ERROR);
    telemetry::init(&LogConfig { level, others, format: LogFormat::Text, metrics: None });
    let cors = Cors::new(serve.cors_origin)?;
    let rules = serve.rules.read()?;
    let listener = listen(Ipv4Addr::LOCALHOST, serve.port).await?;
    let endpoint = if let Some(address) = &serve.dynamodb_endpoint {
        endpoint::parse("--dynamodb-endpoint", address)?
    } else {
        let dynamodb = listen(serve.dynamodb_address, serve.dynamodb_port).await?;
        let database = match &serve.data {
            Some(file) => Database::in_file(file)?,
            None => Database::in_memory()?,
        };
        engine::serve(dynamodb, database).await?
    };
    let client = local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
    table::prepare(&client, &serve.table)
        .await
        .map_err(|error| CommandError::of(&endpoint, error))?;

    let port = port(&listener)?;
    println!("ready: DynamoDB on {endpoint}");
    println!("ready: API on http://127.0.0.1:{port}");
    let (org, option) = (sample::ORG, sample::OPTION);
    println!(
        "\ncurl -i -X PATCH http://127.0.0.1:{port}/orgs/{org}/options/{option} \\\n  \
         -H 'Authorization: Bearer {}' \\\n  -H 'Content-Type: application/json-patch+json' \\\n  \
         -d '[{{\"op\": \"replace\", \"path\": \"/name\", \"value\": \"Pickup\"}}]'\n",
        token::sign(org, "options/write", "local-user"),
    );

    let handler = handler(&client, &serve.table, rules).with_cors_origin(cors.origin());
    let gateway = Arc::new(Gateway { client, table: serve.table, handler });
    let files = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/swagger-ui",
        api_definition: OpenApiSource::Uri("/openapi.yaml"),
        title: None,
    });
    let router = Router::new()
        .route("/orgs/{org_guid}/options/{option_guid}", any(no_route).patch(change).get(show))
        .route("/", get(Html(PAGE)))
        .route("/openapi.yaml", get(([(CONTENT_TYPE, "application/yaml")], OPENAPI)))
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(DefaultBodyLimit::max(MAX_PAYLOAD_BYTES))
        .with_state(gateway)
        .merge(files)
        .layer(from_fn_with_state(Arc::new(cors), origin::guard));
    tokio::select! {
        served = axum::serve(listener, router) => {
            served.map_err(|error| CommandError::of("gateway", error))
        }
        // No request is waited for: what DynamoDB has answered is kept.
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

async fn change(
    State(gateway): State<Arc<Gateway>>,
    path: Result<Parameters<(String, String)>, PathRejection>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let unreadable = |info: &str| refused(StatusCode::UNPROCESSABLE_ENTITY, Code::BadRequest, info);
    let Ok(Parameters((org, option))) = path else { return unreadable("the path is not UTF-8") };
    let Ok(Query(query)) = query else { return unreadable("the query cannot be read") };
    let Ok(body) = body else { return unreadable("the body is too long, or ends early") };
    let mut multi: Map<String, Value> = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        multi.insert(name.to_string(), json!(values));
    }
    let mut parameters: Map<String, Value> = Map::new();
    for (name, value) in query {
        if let Some(values) = parameters.entry(name).or_insert(json!([])).as_array_mut() {
            values.push(value.into());
        }
    }
    let bearer = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    // RFC 9110 11.1: the scheme is the same in any case.
    let token = bearer.and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Bearer"));
    let authorizer = match token.and_then(|(_, token)| token::verify(token)) {
        Some(claims) => json!({"claims": claims}),
        None => Value::Null,
    };
    let event = json!({
        "httpMethod": "PATCH",
        "path": format!("/orgs/{org}/options/{option}"),
        "pathParameters": {"org_guid": org, "option_guid": option},
        "multiValueHeaders": multi,
        "multiValueQueryStringParameters": parameters,
        "requestContext": {"authorizer": authorizer},
        // As a REST API without binary media types does.
        "body": String::from_utf8_lossy(&body),
        "isBase64Encoded": false,
    });
    let Ok(event) = serde_json::from_value(event) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let answer = gateway.handler.handle(&event, &invocation(TIMEOUT)).await;
    let status =
        u16::try_from(answer.status_code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let body = match answer.body {
        Some(lambda_http::Body::Text(text)) => axum::body::Body::from(text),
        _ => axum::body::Body::empty(),
    };
    (status.unwrap_or(StatusCode::BAD_GATEWAY), answer.headers, body).into_response()
}

/// The item, on the local gateway only.
async fn show(
    State(gateway): State<Arc<Gateway>>,
    Parameters((org, option)): Parameters<(String, String)>,
) -> Response {
    match item(&gateway.client, &gateway.table, &org, &option).await {
        Some(item) => {
            let tag = format!("\"{}\"", item.get("version").unwrap_or(&json!(0)));
            let headers = [(CONTENT_TYPE, "application/json".to_owned()), (ETAG, tag)];
            (headers, format!("{item:#}\n")).into_response()
        }
        None => refused(StatusCode::NOT_FOUND, Code::NotFound, "the table has no such option"),
    }
}

async fn no_route() -> Response {
    refused(StatusCode::NOT_FOUND, Code::NotFound, "no such route")
}

/// What the gateway answers by itself, in English as API Gateway does.
pub(crate) fn refused(status: StatusCode, code: Code, info: &str) -> Response {
    let message = Language::negotiate(&Event::default()).message(code);
    let body = json!({"code": code.as_str(), "message": message, "info": info});
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub(crate) async fn item(client: &Client, table: &str, org: &str, option: &str) -> Option<Value> {
    let get = client
        .get_item()
        .table_name(table)
        .consistent_read(true)
        .key("pk", AttributeValue::S(format!("ORG#{}", org.to_lowercase())))
        .key("sk", AttributeValue::S(format!("OPTION#{}", option.to_lowercase())));
    from_attribute(AttributeValue::M(get.send().await.ok()?.item?)).ok()
}
