//! Random requests, with a canary at every place that a client, an authorizer or a tenant fills.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use json_patch_dynamodb::to_attribute;
use local::{
    generate,
    proxy::Fault,
    sample::{ORG, RULED},
};
use proptest::{
    collection::vec,
    option::weighted,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Map, Value, json};

use super::canaries::{Canaries, Place};
use crate::engine::{ABSENT, Item, OPTION, OTHER_ORG};

/// Another option of the caller's organization.
const OTHER_OPTION: &str = "c2f6b7e1-3d0a-4b9e-8f57-10a9d4c6e8b2";

/// The program that a request is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Deployed,
    DeployedWithText,
    /// The handler with the rules of the sample. It panics where the caller's `sub` says so.
    Panicking,
}

/// How the stored option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Whole,
    Archived,
    Absent,
    /// The document has what is not JSON.
    NotJson,
    /// The version is no number.
    NoVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Authorizer {
    Claims,
    Jwt,
    Lambda,
    Flat,
    Nobody,
    WithoutScope,
    OfNoOrganization,
    BrokenOrganization,
}

#[derive(Debug, Clone)]
enum Body {
    /// A document and a patch of it.
    Patch(Value, Value),
    /// A change of an option with rules, by its number.
    OfRules(Index),
    /// What is no patch, by its number.
    Broken(Index),
}

/// What a header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Right,
    Wrong,
    Repeated,
}

/// The choices of a request.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) program: Program,
    is_http_api: bool,
    stored: Stored,
    authorizer: Authorizer,
    address: Index,
    headers: Vec<(&'static str, Header)>,
    body: Body,
    is_base64: bool,
    is_dry_run: bool,
    pub(crate) fault: Option<(usize, bool)>,
    /// How the program panics, where it can.
    panic: Option<usize>,
    /// Whether another change with the same headers follows.
    is_followed: bool,
    /// Whether the event cannot be read.
    is_unreadable: bool,
}

/// Headers that the function reads, and some that it does not. Some come more often.
pub(crate) const HEADERS: [&str; 33] = [
    "Accept",
    "Accept",
    "Accept",
    "Accept",
    "Accept-Language",
    "Authorization",
    "ClientDepersonalizedExtensions",
    "ClientExtensions",
    "ClientIdentifier",
    "ClientModel",
    "ClientName",
    "ClientOSName",
    "ClientOSVersion",
    "ClientScreenResolution",
    "ClientType",
    "Content-Type",
    "Cookie",
    "Host",
    "Idempotency-Key",
    "Idempotency-Key",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Language",
    "OrganizationAlias",
    "Prefer",
    "Prefer",
    "Prefer",
    "Prefer",
    "Prefer",
    "User-Agent",
    "X-Amzn-Trace-Id",
    "X-Unknown",
];

/// The headers that are logged, and the fields of the line that have them.
pub(crate) const LOGGED: [(&str, &str); 7] = [
    ("ClientDepersonalizedExtensions", "client_depersonalized_extensions"),
    ("ClientModel", "client_model"),
    ("ClientName", "client_name"),
    ("ClientOSName", "client_os_name"),
    ("ClientOSVersion", "client_os_version"),
    ("ClientScreenResolution", "client_screen_resolution"),
    ("ClientType", "client_type"),
];

/// Half of an answer, and what is no answer.
const GARBLED: [fn(&str) -> String; 4] = [
    |answer| format!("<html>{answer}</html>"),
    |answer| answer.replace("{\"S\":", "{\"Q\":"),
    |answer| answer.replace("\":{\"", "\":{\\x\""),
    |answer| answer.replace("{\"N\":\"", "{\"N\":\"x"),
];

/// The faults, by their names.
pub(crate) fn faults() -> Vec<(String, Fault)> {
    let mut faults = vec![
        Fault::Refused(400, "ThrottlingException"),
        Fault::Refused(400, "TransactionConflictException"),
        Fault::Refused(400, "AccessDeniedException"),
        Fault::Refused(400, "ValidationException"),
        Fault::Refused(500, "InternalServerError"),
        Fault::Cancelled("ThrottlingError"),
        Fault::Cancelled("ValidationError"),
        Fault::Dropped,
        Fault::AppliedThenRefused(500, "InternalServerError"),
        Fault::AnswerDropped,
        Fault::AnswerCut,
        Fault::AppliedLate(Duration::from_millis(100)),
    ];
    faults.extend(GARBLED.map(Fault::AnswerGarbled));
    let name = |(number, fault): (usize, Fault)| match fault {
        Fault::AnswerGarbled(_) => (format!("AnswerGarbled {number}"), fault),
        _ => (format!("{fault:?}"), fault),
    };
    faults.into_iter().enumerate().map(name).collect()
}

pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let program = select(&[Program::Deployed, Program::DeployedWithText, Program::Panicking][..]);
    let stored = prop_oneof![
        30 => Just(Stored::Whole),
        2 => select(&[Stored::Archived, Stored::Absent, Stored::NotJson, Stored::NoVersion][..]),
    ];
    let valid = [Authorizer::Claims, Authorizer::Jwt, Authorizer::Lambda, Authorizer::Flat];
    let refused = [
        Authorizer::Nobody,
        Authorizer::WithoutScope,
        Authorizer::OfNoOrganization,
        Authorizer::BrokenOrganization,
    ];
    let authorizer = prop_oneof![
        12 => (0..4_usize).prop_map(move |number| valid[number]),
        1 => (0..4_usize).prop_map(move |number| refused[number]),
    ];
    let header = prop_oneof![
        18 => Just(Header::Right),
        1 => Just(Header::Wrong),
        1 => Just(Header::Repeated),
    ];
    let body = prop_oneof![
        8 => generate::document_and_patch(20).prop_map(|(document, patch)| Body::Patch(document, patch)),
        2 => generate::document_and_merge().prop_map(|(document, patch)| Body::Patch(document, patch)),
        4 => any::<Index>().prop_map(Body::OfRules),
        3 => any::<Index>().prop_map(Body::Broken),
    ];
    (
        (any::<u64>().no_shrink(), program, any::<bool>(), stored, authorizer, any::<Index>()),
        (vec((select(&HEADERS[..]), header), 0..8), body),
        (proptest::bool::weighted(0.2), proptest::bool::weighted(0.1)),
        prop_oneof![
            10 => Just(None),
            9 => (0..faults().len(), proptest::bool::weighted(0.1)).prop_map(Some),
            // These alone are answered by 429, where they last.
            1 => (0..2_usize, Just(true)).prop_map(Some),
        ],
        weighted(0.2, 0..PANICS),
        (proptest::bool::weighted(0.2), proptest::bool::weighted(0.03)),
    )
        .prop_map(|(first, (headers, body), (is_base64, is_dry_run), fault, panic, last)| {
            let (is_followed, is_unreadable) = last;
            let (seed, program, is_http_api, stored, authorizer, address) = first;
            Case {
                seed,
                program,
                is_http_api,
                stored,
                authorizer,
                address,
                headers,
                body,
                is_base64,
                is_dry_run,
                fault,
                panic: panic.filter(|_| program == Program::Panicking),
                is_followed,
                is_unreadable,
            }
        })
}

/// In how many ways the program can panic.
pub(crate) const PANICS: usize = 4;

/// What a `sub` has that makes the program panic in this way.
pub(crate) fn panic_mark(way: usize) -> String {
    format!("panics in way {way}")
}

/// A request and the one that follows it, and what the table has before each.
pub(crate) struct Request {
    pub(crate) events: Vec<Value>,
    pub(crate) items: Vec<Item>,
    /// The keys of the options that are not to be in the table.
    pub(crate) absent: Vec<(String, String)>,
    pub(crate) canaries: Canaries,
}

impl Case {
    pub(crate) fn request(&self) -> Request {
        let mut canaries = Canaries::new(self.seed);
        // The proxy's errors have this text.
        canaries.known(Place::Database, "injected");
        let has_rules = matches!(self.body, Body::OfRules(_)) && self.program == Program::Panicking;
        let option = if has_rules { RULED } else { OPTION };
        let (document, body) = self.document_and_body(&mut canaries);
        let event = self.event(option, body, &mut canaries);
        let (mut items, mut absent) = (Vec::new(), Vec::new());
        let key = (format!("ORG#{ORG}"), format!("OPTION#{option}"));
        match self.stored {
            Stored::Absent => absent.push(key),
            _ => items.push(self.item(key, document, &mut canaries)),
        }
        // Another option, and an option of another organization. That one has an alias.
        let other_org = canaries.guid(Place::Other);
        for (org, option) in [(ORG, OTHER_OPTION), (OTHER_ORG, OPTION), (&*other_org, OTHER_OPTION)]
        {
            let (name, value) = (canaries.text(Place::Other), canaries.text(Place::Other));
            let number = number(&canaries.number(Place::Other));
            let document = json!({name: [value, number], "list": [canaries.text(Place::Other)]});
            let mut item = with_key(format!("ORG#{org}"), format!("OPTION#{option}"));
            item.insert("document".into(), to_attribute(document));
            item.insert("version".into(), AttributeValue::N(canaries.number(Place::Other)));
            item.insert("updatedBy".into(), AttributeValue::S(canaries.text(Place::Other)));
            items.push(item);
        }
        let mut alias = with_key("ALIAS#umbrella".into(), "ALIAS".into());
        alias.insert("orgGuid".into(), AttributeValue::S(other_org));
        items.push(alias);
        let mut events = vec![event];
        if self.is_followed {
            let mut event = events[0].clone();
            event["body"] = r#"[{"op": "add", "path": "/new", "value": 1}]"#.into();
            event["isBase64Encoded"] = false.into();
            events.push(event);
        }
        Request { events, items, absent, canaries }
    }

    fn item(&self, (pk, sk): (String, String), document: Value, canaries: &mut Canaries) -> Item {
        let mut item = with_key(pk, sk);
        let mut text = || AttributeValue::S(canaries.text(Place::Attribute));
        item.insert("updatedBy".into(), text());
        item.insert("lastWrite".into(), text());
        item.insert("unknown".into(), text());
        let document = match self.stored {
            Stored::NotJson => AttributeValue::M(HashMap::from([
                ("set".into(), AttributeValue::Ss(vec![canaries.text(Place::Value)])),
                (canaries.text(Place::StoredName), to_attribute(document)),
            ])),
            _ => to_attribute(document),
        };
        item.insert("document".into(), document);
        let version = match self.stored {
            Stored::NoVersion => AttributeValue::S(canaries.text(Place::Attribute)),
            _ => AttributeValue::N("1".into()),
        };
        item.insert("version".into(), version);
        if self.stored == Stored::Archived {
            item.insert("archivedAt".into(), AttributeValue::S(canaries.text(Place::Attribute)));
        }
        item
    }

    fn document_and_body(&self, canaries: &mut Canaries) -> (Value, Vec<u8>) {
        let mut planted = Planted::new(canaries);
        let (document, body) = match &self.body {
            Body::Patch(document, patch) => {
                let document = planted.value(document);
                let patch =
                    if patch.is_array() { planted.patch(patch) } else { planted.value(patch) };
                (document, patch.to_string().into_bytes())
            }
            Body::OfRules(which) => planted.of_rules(*which),
            Body::Broken(which) => {
                let document = planted.value(&json!({"a": "x", "b": {"c": ["x", 2]}}));
                (document, broken(*which, canaries))
            }
        };
        canaries.tell_names(&String::from_utf8_lossy(&body));
        (document, body)
    }

    fn event(&self, option: &str, body: Vec<u8>, canaries: &mut Canaries) -> Value {
        let mut headers = Vec::new();
        let is_merge = !body.trim_ascii_start().starts_with(b"[");
        let kind = if is_merge { "merge-patch" } else { "json-patch" };
        headers.push(("Content-Type".to_owned(), format!("application/{kind}+json")));
        headers.push((canaries.text(Place::Header), canaries.text(Place::Header)));
        for (number, (name, kind)) in self.headers.iter().enumerate() {
            if self.headers[..number].iter().any(|(before, _)| before == name) {
                continue;
            }
            let value = header(name, *kind, canaries);
            if *name == "Content-Type" {
                headers[0].1.clone_from(&value);
            }
            headers.push(((*name).to_owned(), value.clone()));
            if *kind == Header::Repeated {
                headers.push((name.to_lowercase(), value));
            }
        }
        let (mut org, mut option) = (ORG.to_owned(), option.to_owned());
        let mut query = Map::new();
        // Most addresses are right.
        match self.address.index(60) {
            0 => org = canaries.text(Place::Address),
            1 => option = canaries.text(Place::Address),
            2 => OTHER_ORG.clone_into(&mut org),
            3 => ABSENT.clone_into(&mut option),
            4 => drop(query.insert("dryRun".into(), canaries.text(Place::Address).into())),
            5 => drop(query.insert("dry_run".into(), canaries.text(Place::Address).into())),
            6..25 => {
                let (name, value) = (canaries.text(Place::Address), canaries.text(Place::Address));
                query.insert(name, value.into());
            }
            _ => {}
        }
        if self.is_dry_run {
            query.insert("dryRun".into(), "All".into());
        }
        let path = format!("/orgs/{org}/options/{option}/{}", canaries.text(Place::Address));
        let (is_base64, body) = match String::from_utf8(body) {
            Ok(text) if !self.is_base64 => (false, text),
            Ok(text) => (true, STANDARD.encode(text)),
            // A body that is no base64 either is sent as such.
            Err(error) => match error.into_bytes() {
                bytes if bytes.starts_with(b"[\xff") => {
                    (true, String::from_utf8_lossy(&bytes[2..]).into_owned())
                }
                bytes => (true, STANDARD.encode(bytes)),
            },
        };
        let mut event = json!({
            "pathParameters": {"org_guid": org, "option_guid": option},
            "queryStringParameters": query,
            "body": body,
            "isBase64Encoded": is_base64,
            "requestContext": {"authorizer": self.authorizer(canaries)},
        });
        let text = |(name, value): &(String, String)| (name.clone(), Value::from(value.clone()));
        event["headers"] = headers.iter().map(text).collect::<Map<_, _>>().into();
        if self.is_unreadable {
            // This is deeper than the function reads.
            let deepest = Value::from(canaries.text(Place::Header));
            event["headers"]["Deep"] = (0..200).fold(deepest, |inner, _| json!([inner]));
        }
        if self.is_http_api {
            event["version"] = "2.0".into();
            event["rawPath"] = path.into();
            event["rawQueryString"] = canaries.text(Place::Address).into();
            event["cookies"] = json!([canaries.text(Place::Header)]);
        } else {
            event["httpMethod"] = "PATCH".into();
            event["path"] = path.into();
            let mut lists = Map::new();
            for (name, value) in headers {
                let list = lists.entry(name).or_insert_with(|| json!([]));
                list.as_array_mut().unwrap().push(value.into());
            }
            event["multiValueHeaders"] = lists.into();
            event["requestContext"]["identity"] = json!({
                "sourceIp": canaries.text(Place::Claim), "userAgent": canaries.text(Place::Header)
            });
        }
        event
    }

    fn authorizer(&self, canaries: &mut Canaries) -> Value {
        let mark = self.panic.map(panic_mark).unwrap_or_default();
        let mut claims = json!({
            "sub": format!("{}{mark}", canaries.text(Place::Subject)),
            "custom:org_guid": ORG,
            "scope": "options/write",
        });
        for name in ["email", "phone_number", "jti", "cognito:username"] {
            claims[name] = canaries.text(Place::Claim).into();
        }
        claims[canaries.text(Place::Claim)] = number(&canaries.number(Place::Claim));
        match self.authorizer {
            Authorizer::Nobody => {
                claims["sub"] = Value::Null;
            }
            Authorizer::WithoutScope => claims["scope"] = canaries.text(Place::Claim).into(),
            Authorizer::OfNoOrganization => {
                claims["custom:org_guid"] = canaries.guid(Place::Claim).into();
            }
            Authorizer::BrokenOrganization => {
                claims["custom:org_guid"] = json!([ORG, {"id": canaries.text(Place::Claim)}]);
            }
            _ => {}
        }
        match self.authorizer {
            Authorizer::Jwt => json!({"jwt": {"claims": claims, "scopes": null}}),
            Authorizer::Lambda => json!({"lambda": claims}),
            Authorizer::Flat => claims,
            _ => json!({"claims": claims, "token": canaries.text(Place::Claim)}),
        }
    }
}

fn with_key(pk: String, sk: String) -> Item {
    Item::from([("pk".into(), AttributeValue::S(pk)), ("sk".into(), AttributeValue::S(sk))])
}

fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The value of a header.
fn header(name: &'static str, kind: Header, canaries: &mut Canaries) -> String {
    let is_wrong = kind == Header::Wrong;
    let mut one_of = |right: &[&str]| match right.get(canaries.random(right.len() + 1)) {
        Some(text) => (*text).to_owned(),
        None => canaries.text(Place::Header),
    };
    match name {
        "Accept" => one_of(&["application/problem+json", "application/problem+json", "*/*"]),
        "Accept-Language" | "Language" => one_of(&["ru", "de, ru;q=0.5"]),
        "Authorization" => format!("Bearer {}", canaries.text(Place::Header)),
        "ClientIdentifier" if !is_wrong => "WebApp".into(),
        "ClientExtensions" if is_wrong => canaries.text(Place::Header).repeat(300),
        "Content-Type" if !is_wrong => {
            format!("application/{}+json", canaries.text(Place::Header))
        }
        "Content-Type" => format!("text/{}; charset=x", canaries.text(Place::Header)),
        "Idempotency-Key" if !is_wrong => canaries.text(Place::Key),
        "Idempotency-Key" => format!("\"{}", canaries.text(Place::Header)),
        "If-Match" | "If-None-Match" if is_wrong => canaries.text(Place::Header),
        "If-Match" | "If-None-Match" => match canaries.random(4) {
            0 => "*".into(),
            1 => "\"2\"".into(),
            2 => format!("\"{}\"", canaries.text(Place::Header)),
            _ => "\"1\"".into(),
        },
        "OrganizationAlias" => {
            let known = ["ACME", "acme", "umbrella"];
            let known = known.get(canaries.random(4)).map(|alias| (*alias).to_owned());
            known.unwrap_or_else(|| canaries.text(Place::Key))
        }
        "Prefer" if !is_wrong => one_of(&["return=representation", "undo", "return=minimal"]),
        _ if LOGGED.iter().any(|(logged, _)| *logged == name) => {
            let canary = canaries.text(if is_wrong { Place::Header } else { Place::Client(name) });
            if is_wrong { canary.repeat(300) } else { canary }
        }
        _ => canaries.text(Place::Header),
    }
}

/// Names, texts and numbers with canaries in their places. The same one always has the same canary.
struct Planted<'c> {
    canaries: &'c mut Canaries,
    names: HashMap<String, String>,
    texts: HashMap<String, String>,
    numbers: HashMap<String, Value>,
}

impl<'c> Planted<'c> {
    fn new(canaries: &'c mut Canaries) -> Self {
        Self { canaries, names: HashMap::new(), texts: HashMap::new(), numbers: HashMap::new() }
    }

    /// What could be an index stays.
    fn name(&mut self, name: &str) -> String {
        if matches!(name, "0" | "1" | "2" | "-") {
            return name.to_owned();
        }
        let canary = || format!("{}{name}", self.canaries.text(Place::StoredName));
        self.names.entry(name.to_owned()).or_insert_with(canary).clone()
    }

    fn pointer(&mut self, pointer: &str) -> String {
        let tokens = pointer.split('/').skip(1).map(|token| {
            let name = self.name(&token.replace("~1", "/").replace("~0", "~"));
            format!("/{}", name.replace('~', "~0").replace('/', "~1"))
        });
        tokens.collect()
    }

    fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter();
                members.map(|(name, value)| (self.name(name), self.value(value))).collect()
            }
            Value::Array(elements) => elements.iter().map(|each| self.value(each)).collect(),
            Value::String(text) => {
                let canary = || format!("{}{text}", self.canaries.text(Place::Value));
                self.texts.entry(text.clone()).or_insert_with(canary).clone().into()
            }
            Value::Number(digits) if matches!(&*digits.to_string(), "2" | "100" | "1.5") => {
                let canary = || number(&self.canaries.number(Place::Value));
                self.numbers.entry(digits.to_string()).or_insert_with(canary).clone()
            }
            _ => value.clone(),
        }
    }

    fn patch(&mut self, patch: &Value) -> Value {
        let operations = patch.as_array().unwrap().iter().map(|operation| {
            let mut operation = operation.clone();
            for (name, member) in operation.as_object_mut().unwrap() {
                *member = match &**name {
                    "path" | "from" => self.pointer(member.as_str().unwrap()).into(),
                    "value" => self.value(member),
                    _ => continue,
                };
            }
            operation
        });
        operations.collect()
    }

    /// A document that keeps the rules of the sample, and a patch of which most break one.
    fn of_rules(&mut self, which: Index) -> (Value, Vec<u8>) {
        let mut text = |place| self.canaries.text(place);
        let (plan, email) = (text(Place::Value), format!("{}@example.com", text(Place::Value)));
        let document = json!({"theme": "light", "retries": 3, "recipients": [email], "plan": plan});
        let name = text(Place::StoredName);
        let value = text(Place::Value);
        let digits = number(&self.canaries.number(Place::Value));
        let patches = [
            json!([{"op": "replace", "path": "/plan", "value": value}]),
            json!([{"op": "remove", "path": "/plan"}]),
            json!([{"op": "replace", "path": "/theme", "value": value}]),
            json!([{"op": "add", "path": "/recipients/-", "value": value}]),
            json!([{"op": "copy", "from": "/plan", "path": "/theme"}]),
            json!([{"op": "copy", "from": "/plan", "path": "/recipients/0"}]),
            json!([{"op": "replace", "path": "/retries", "value": digits}]),
            json!([{"op": "replace", "path": "/retries", "value": value}]),
            json!([{"op": "add", "path": format!("/{name}"), "value": value}]),
            json!([{"op": "replace", "path": "", "value": {name.clone(): value, "plan": value}}]),
            json!([{"op": "add", "path": "/recipients/-", "value": format!("{value}@example.com")}]),
            json!({"theme": value, name.clone(): {"a": value}, "retries": digits}),
            json!({"plan": null}),
        ];
        let patch = &patches[which.index(patches.len())];
        (document, patch.to_string().into_bytes())
    }
}

/// What is no patch, or none that fits.
fn broken(which: Index, canaries: &mut Canaries) -> Vec<u8> {
    let mut text = || canaries.text(Place::Broken);
    let (a, b) = (text(), text());
    let digits = canaries.number(Place::Broken);
    let (name, value) = (canaries.text(Place::Name), canaries.text(Place::Value));
    let long = a.repeat(30_000);
    let nested = format!("{}\"{a}\"{}", "[".repeat(40), "]".repeat(40));
    let bodies = [
        a.clone(),
        format!("\"{a}\""),
        format!("[{{\"op\": \"add\", \"path\": \"/a\", \"value\": \"{a}\""),
        format!("[\"{a}\", {digits}]"),
        format!("{{\"{a}\": {b}}}"),
        format!("[{{\"op\": \"{a}\", \"path\": \"/a\", \"value\": \"{b}\"}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"{a}\", \"value\": \"{b}\"}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/{name}//{name}\", \"value\": \"{b}\"}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/a~{a}\", \"value\": \"{b}\"}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/{name}\"}}]"),
        format!("[{{\"op\": \"add\", \"{a}\": 1, \"path\": \"/a\"}}]"),
        format!(
            "[{{\"op\": \"add\", \"path\": \"/a\", \"value\": {{\"{name}\": 1, \"{name}\": \"{b}\"}}}}]"
        ),
        format!(
            "[{{\"op\": \"add\", \"path\": \"/a\", \"value\": {{\"{name}\": {{\"\": \"{b}\"}}}}}}]"
        ),
        format!("[{{\"op\": \"add\", \"path\": \"/a\", \"value\": {digits}{digits}{digits}}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/a\", \"value\": {nested}}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/a\", \"value\": \"{long}\"}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/{name}\", \"value\": \"{b}\\ud800\"}}]"),
        format!("[{{\"op\": \"add\", \"path\": \"/{name}\u{fffd}\", \"value\": \"{value}\"}}]"),
        format!("[{{\"op\": \"replace\", \"path\": \"\", \"value\": \"{b}\"}}]"),
        format!("[{{\"op\": \"move\", \"from\": \"{a}\", \"path\": \"/x\"}}]"),
        // In these the first character stands for a byte that is not UTF-8.
        format!("\u{1}{a}{b}"),
        format!("[\u{1}{a}!{b}"),
    ];
    let body = bodies[which.index(bodies.len())].as_bytes();
    body.iter().map(|byte| if *byte == 1 { 0xff } else { *byte }).collect()
}
