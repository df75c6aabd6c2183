//! Who may call: no page of another origin, unless `--cors-origin` names it, and nobody by a name
//! that is not this machine's.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, HOST, ORIGIN,
        },
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use local::{CommandError, proxy::is_own_host, table};
use serde_json::Value;
use update_organization_option::error::Code;

use crate::gateway::refused;

/// What the gateway answers about origins, as a deployment with that `CorsOrigin` does.
pub(crate) struct Cors {
    /// The origin whose pages get in, or `*`.
    origin: Option<String>,
    /// The headers of the answer to a preflight.
    preflight: HeaderMap,
}

impl Cors {
    /// Pages of `origin` get in, by the rules of `template.yaml`.
    ///
    /// # Errors
    ///
    /// `origin` is no origin.
    pub(crate) fn new(origin: Option<String>) -> Result<Self, CommandError> {
        let mut preflight = HeaderMap::new();
        let Some(origin) = origin else { return Ok(Self { origin: None, preflight }) };
        let is_origin = origin.split_once("://").is_some_and(|(scheme, host)| {
            matches!(scheme, "http" | "https") && !host.is_empty() && !host.contains(['/', ' '])
        });
        let value = HeaderValue::from_str(&origin).ok().filter(|_| is_origin || origin == "*");
        let value = value.ok_or_else(|| {
            CommandError::of(
                format!("--cors-origin {origin}"),
                "expected `*` or an origin such as http://localhost:5173",
            )
        })?;
        preflight.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
        let template = table::template()?;
        let path = &template["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"];
        let path = path.as_object().and_then(|paths| paths.values().next());
        let parameters = path.map(|path| &path["options"]["Fn::If"][1]).and_then(|options| {
            let answer = &options["x-amazon-apigateway-integration"]["responses"]["default"];
            answer["responseParameters"].as_object()
        });
        for name in [
            ACCESS_CONTROL_ALLOW_METHODS,
            ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_MAX_AGE,
            HeaderName::from_static("accept-patch"),
        ] {
            let value = parameters.and_then(|parameters| header_of(parameters, &name));
            let odd =
                || CommandError::of("template.yaml, Api", format!("no preflight header {name}"));
            preflight.insert(&name, value.ok_or_else(odd)?);
        }
        Ok(Self { origin: Some(origin), preflight })
    }

    pub(crate) fn origin(&self) -> Option<String> {
        self.origin.clone()
    }

    /// Whether a request that names this origin may come in: of the gateway's own page, or allowed.
    fn admits(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else { return true };
        let is_of_page = || {
            let host = headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
            origin.as_bytes() == [b"http://", host].concat()
        };
        self.origin.as_deref().is_some_and(|allowed| allowed == "*" || origin == allowed)
            || is_of_page()
    }
}

/// The header's value among an integration's response parameters, where it is quoted.
fn header_of(
    parameters: &serde_json::Map<String, Value>,
    name: &HeaderName,
) -> Option<HeaderValue> {
    let wanted = format!("method.response.header.{name}");
    let (_, value) = parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(&wanted))?;
    HeaderValue::from_str(value.as_str()?.trim_matches('\'')).ok()
}

/// Lets in what [`Cors`] and [`is_own_host`] allow, and answers preflights of the API's own path.
pub(crate) async fn guard(State(cors): State<Arc<Cors>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !is_own_host(headers) {
        let info = "expected the header `Host` to name this machine";
        return refused(StatusCode::FORBIDDEN, Code::NoPermissions, info);
    }
    if !cors.admits(headers) {
        let info = "pages of this origin get in only by `--cors-origin`";
        return refused(StatusCode::FORBIDDEN, Code::NoPermissions, info);
    }
    let is_preflight = request.method() == Method::OPTIONS && cors.origin.is_some();
    if is_preflight && request.uri().path().starts_with("/orgs/") {
        return (StatusCode::NO_CONTENT, cors.preflight.clone()).into_response();
    }
    next.run(request).await
}
