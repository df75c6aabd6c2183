//! `template.yaml` and the code agree, and what API Gateway answers by itself follows the contract.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;
use update_organization_option::error::Code;

use crate::telemetry::logs_of_all_events;

const CONFIG: &str = include_str!("../../src/config.rs");
const ITEM: &str = include_str!("../../src/store/item.rs");
const RECORD: &str = include_str!("../../src/store/record.rs");
const ENGLISH: &str = include_str!("../../src/messages/en.ftl");

/// All refusals that API Gateway can make by itself ("Gateway response types for API Gateway"),
/// with the contract's answer.
const REFUSALS: &[(&str, u64, Code)] = &[
    ("ACCESS_DENIED", 403, Code::NoPermissions),
    ("API_CONFIGURATION_ERROR", 500, Code::InternalServerError),
    ("AUTHORIZER_CONFIGURATION_ERROR", 500, Code::InternalServerError),
    ("AUTHORIZER_FAILURE", 500, Code::InternalServerError),
    ("BAD_REQUEST_BODY", 422, Code::BadRequest),
    ("BAD_REQUEST_PARAMETERS", 422, Code::BadRequest),
    ("DEFAULT_4XX", 404, Code::NotFound),
    ("DEFAULT_5XX", 500, Code::InternalServerError),
    ("EXPIRED_TOKEN", 401, Code::Unauthorized),
    ("INTEGRATION_FAILURE", 500, Code::InternalServerError),
    ("INTEGRATION_TIMEOUT", 500, Code::InternalServerError),
    ("INVALID_API_KEY", 403, Code::NoPermissions),
    ("INVALID_SIGNATURE", 404, Code::NotFound),
    ("MISSING_AUTHENTICATION_TOKEN", 404, Code::NotFound),
    ("QUOTA_EXCEEDED", 429, Code::TooManyRequests),
    ("REQUEST_TOO_LARGE", 422, Code::BadRequest),
    ("RESOURCE_NOT_FOUND", 404, Code::NotFound),
    ("THROTTLED", 429, Code::TooManyRequests),
    ("UNAUTHORIZED", 401, Code::Unauthorized),
    ("UNSUPPORTED_MEDIA_TYPE", 422, Code::BadRequest),
    ("WAF_FILTERED", 403, Code::NoPermissions),
];

/// The metrics that AWS keeps by itself, and their dimensions in alphabetical order ("Types of
/// metrics for Lambda functions" and "Amazon API Gateway dimensions and metrics").
const METRICS_OF_AWS: &[(&str, &[&str], &[&str])] = &[
    ("AWS/ApiGateway", &["4XXError", "5XXError", "Count", "Latency"], &["ApiName", "Stage"]),
    ("AWS/Lambda", &["Duration", "Errors", "Invocations", "Throttles"], &["FunctionName"]),
    ("AWS/Lambda", &["Duration", "Errors", "Invocations"], &["FunctionName", "Resource"]),
    (
        "AWS/Lambda",
        &["Duration", "Errors", "Invocations"],
        &["ExecutedVersion", "FunctionName", "Resource"],
    ),
];

/// A metric: its namespace, its name, and its dimensions with their values, as [`text`] writes them.
type Metric = (String, String, BTreeMap<String, String>);

/// The values of dimensions that only a deployment knows, as the template refers to them.
const FUNCTION: &str = "${UpdateOrganizationOption}";
const NEW_VERSION: &str = "${UpdateOrganizationOption.Version.Version}";

fn template() -> Value {
    yaml_serde::from_str(include_str!("../../template.yaml")).unwrap()
}

fn properties(resource: &str) -> Value {
    template()["Resources"][resource]["Properties"].take()
}

fn set<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// The value of `const NAME: &str = "…"` in `source`.
fn constant<'a>(source: &'a str, name: &str) -> &'a str {
    let (_, value) = source.split_once(&format!("const {name}: &str = \"")).expect(name);
    value.split_once('"').unwrap().0
}

/// The identifiers that stand between `before` and `after` in `source`.
fn between<'a>(source: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let rest = source.split(before).skip(1);
    let found = rest.filter_map(|rest| rest.split_once(after).map(|(name, _)| name));
    found.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).collect()
}

#[test]
fn the_table_has_the_keys_and_the_expiry_that_the_code_writes() {
    let table = properties("OptionsTable");
    let keys = [("HASH", constant(ITEM, "PK")), ("RANGE", constant(ITEM, "SK"))];
    for (place, (kind, name)) in keys.into_iter().enumerate() {
        let key = &table["KeySchema"][place];
        assert_eq!(
            (key["KeyType"].as_str(), key["AttributeName"].as_str()),
            (Some(kind), Some(name))
        );
        let attribute = &table["AttributeDefinitions"][place];
        assert_eq!(attribute["AttributeName"], name);
        assert_eq!(attribute["AttributeType"], "S");
    }
    assert_eq!(table["KeySchema"].as_array().unwrap().len(), keys.len());
    let expiry = &table["TimeToLiveSpecification"];
    assert_eq!(expiry["AttributeName"], constant(RECORD, "EXPIRES_AT"));
    assert_eq!(expiry["Enabled"], true);
}

/// The IAM actions behind the calls that the store makes of the SDK's client. A transaction needs
/// the actions of its parts ("IAM policies and transactions", DynamoDB Developer Guide).
fn actions_used() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let parts = fs::read_dir(source.join("store")).unwrap().map(|file| file.unwrap().path());
    let parts = parts.filter(|path| path.is_file());
    let mut actions = BTreeSet::new();
    for file in parts.chain([source.join("store.rs")]) {
        let text = fs::read_to_string(file).unwrap();
        let calls: String = text.split_whitespace().collect();
        for call in between(&calls, "client.", "()") {
            if !call.starts_with("transact_") {
                let words = call.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
                actions.insert(format!("dynamodb:{}", words.collect::<String>()));
            }
        }
        for (part, action) in [
            ("ConditionCheck", "ConditionCheckItem"),
            ("Delete", "DeleteItem"),
            ("Get", "GetItem"),
            ("Put", "PutItem"),
            ("Update", "UpdateItem"),
        ] {
            if text
                .split(|c: char| !c.is_alphanumeric() && c != ':')
                .any(|word| word == format!("{part}::builder"))
            {
                actions.insert(format!("dynamodb:{action}"));
            }
        }
    }
    actions
}

#[test]
fn the_function_may_do_what_it_does_and_no_more() {
    let role = properties("FunctionRole");
    assert!(role.get("ManagedPolicyArns").is_none());
    let policies = role["Policies"].as_array().unwrap();
    assert_eq!(policies.len(), 1);
    let mut granted = BTreeSet::new();
    for statement in policies[0]["PolicyDocument"]["Statement"].as_array().unwrap() {
        let keys: &[&str] = match statement["Sid"].as_str() {
            // The last key is the warm-up's.
            Some("Read") => &["ORG#*", "ALIAS#*", "-"],
            Some("Write") => &["ORG#*"],
            // A statement without a `Sid` is that of the encryption key, if there is one.
            Some("Log" | "Trace") | None => continue,
            Some(other) => panic!("{other}"),
        };
        let actions = statement["Action"].as_array().unwrap();
        granted.extend(actions.iter().map(|action| action.as_str().unwrap().to_owned()));
        let condition = &statement["Condition"]["ForAllValues:StringLike"];
        assert_eq!(condition["dynamodb:LeadingKeys"], serde_json::json!(keys));
        let tables = statement["Resource"].as_array().unwrap();
        assert_eq!(tables.len(), 3);
        assert_eq!(tables[0]["Fn::GetAtt"], serde_json::json!(["OptionsTable", "Arn"]));
        for (table, parameter) in [(&tables[1], "OtherTable"), (&tables[2], "PreviousTable")] {
            let name = table["Fn::If"][1]["Fn::Sub"].as_str().unwrap();
            assert!(name.ends_with(&format!(":table/${{{parameter}}}")), "{name}");
        }
    }
    assert_eq!(granted, actions_used());
}

#[test]
fn every_refusal_of_the_gateway_follows_the_contract() {
    let api = properties("Api");
    let responses = api["GatewayResponses"].as_object().unwrap();
    // A type without an answer of its own has the answer and the status of its class's default.
    let default = |status: u64| if status < 500 { "DEFAULT_4XX" } else { "DEFAULT_5XX" };
    for (name, response) in responses {
        let (_, status, _) = REFUSALS.iter().find(|(known, ..)| known == name).expect(name);
        let repeats = default(*status) != name && *response == responses[default(*status)];
        assert!(!repeats, "{name} only repeats its default");
    }
    for (name, status, code) in REFUSALS {
        let response = responses.get(*name).unwrap_or(&responses[default(*status)]);
        assert_eq!(response["StatusCode"], *status, "{name}");
        let templates = response["ResponseTemplates"].as_object().unwrap();
        assert_eq!(set(templates.keys().map(String::as_str)), set(["application/json"]), "{name}");
        let template = templates["application/json"].as_str().unwrap();
        let body: Value = serde_json::from_str(template).expect(name);
        let members = body.as_object().unwrap();
        assert_eq!(
            set(members.keys().map(String::as_str)),
            set(["code", "info", "message"]),
            "{name}"
        );
        assert!(Code::ALL.iter().any(|known| body["code"] == known.as_str()), "{name}");
        assert_eq!(body["code"], code.as_str(), "{name}");
        let message = body["message"].as_str().unwrap();
        let line = format!("{} = {message}", code.as_str());
        assert!(ENGLISH.lines().any(|known| known == line), "{name}: {line}");
        // API Gateway's messages may quote the token.
        assert!(!template.contains("$context.error"), "{name}");
        let headers = &response["ResponseParameters"]["Headers"];
        assert_eq!(headers["Retry-After"].is_string(), *status == 429, "{name}");
        assert_eq!(headers["WWW-Authenticate"] == "'Bearer'", *status == 401, "{name}");
    }
}

#[test]
fn the_environment_is_what_the_configuration_reads() {
    let (source, _) = CONFIG.split_once("#[cfg(test)]").unwrap();
    let source: String = source.split_whitespace().collect();
    let foreign = |name: &str| name.starts_with("AWS_");
    let read = between(&source, "get(\"", "\"").into_iter().filter(|name| !foreign(name));
    let function = properties("UpdateOrganizationOption");
    let variables = function["Environment"]["Variables"].as_object().unwrap();
    let written = variables.keys().map(String::as_str).filter(|name| !foreign(name));
    assert_eq!(set(written), set(read));
}

#[test]
fn a_deployment_watches_alarms_that_there_are() {
    let function = properties("UpdateOrganizationOption");
    let alarms =
        function["DeploymentPreference"]["Alarms"]["Fn::If"][1].as_array().unwrap().clone();
    assert!(!alarms.is_empty());
    for alarm in alarms {
        let name = alarm["Ref"].as_str().unwrap();
        assert_eq!(template()["Resources"][name]["Type"], "AWS::CloudWatch::Alarm", "{name}");
    }
}

/// The text of `value`, which is one or is made with functions, as `Fn::Sub` would have it.
fn text(value: &Value) -> String {
    if let Some(name) = value["Ref"].as_str() {
        return format!("${{{name}}}");
    }
    if let Some(path) = value["Fn::GetAtt"].as_array() {
        let path: Vec<_> = path.iter().map(|part| part.as_str().unwrap()).collect();
        return format!("${{{}}}", path.join("."));
    }
    value.as_str().unwrap_or_else(|| value["Fn::Sub"].as_str().unwrap()).to_owned()
}

fn metric(watched: &Value) -> Metric {
    let mut dimensions = BTreeMap::new();
    for each in watched["Dimensions"].as_array().into_iter().flatten() {
        dimensions.insert(text(&each["Name"]), text(&each["Value"]));
    }
    (text(&watched["Namespace"]), text(&watched["MetricName"]), dimensions)
}

/// The metrics that each alarm of the template looks at.
fn watched() -> Vec<(String, Metric)> {
    let template = template();
    let resources = template["Resources"].as_object().unwrap().iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let mut watched = Vec::new();
    for (name, alarm) in alarms {
        let properties = &alarm["Properties"];
        let Some(metrics) = properties["Metrics"].as_array() else {
            watched.push((name.clone(), metric(properties)));
            continue;
        };
        let ids = metrics.iter().map(|each| each["Id"].as_str().unwrap());
        let ids: BTreeSet<_> = ids.collect();
        for each in metrics {
            if let Some(expression) = each["Expression"].as_str() {
                let words = expression.split(|c: char| !c.is_alphanumeric());
                let mut used = words.filter(|word| word.starts_with(|c: char| c.is_lowercase()));
                assert!(used.all(|id| ids.contains(id)), "{name}: {expression}");
            } else {
                watched.push((name.clone(), metric(&each["MetricStat"]["Metric"])));
            }
        }
    }
    watched
}

/// The metrics that the template makes of the access log's lines.
fn filtered() -> Vec<Metric> {
    let format = properties("Api")["AccessLogSetting"]["Format"].take();
    let line: Value = serde_json::from_str(format.as_str().unwrap()).unwrap();
    let mut filtered = Vec::new();
    for filter in ["Calls", "CarriedOutCalls", "RefusedCalls"].map(properties) {
        for field in between(filter["FilterPattern"].as_str().unwrap(), "$.", " ") {
            assert!(line.get(field).is_some(), "{field}");
        }
        let counted = &filter["MetricTransformations"][0];
        let (namespace, name) = (text(&counted["MetricNamespace"]), text(&counted["MetricName"]));
        filtered.push((namespace, name, BTreeMap::new()));
    }
    filtered
}

/// The metrics that the function writes, over all events.
async fn emitted() -> Vec<Metric> {
    let logs = logs_of_all_events(&[("AWS_LAMBDA_FUNCTION_VERSION", "7")]).await;
    let mut emitted = Vec::new();
    for line in logs.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(directives) = line["_aws"]["CloudWatchMetrics"].as_array() else { continue };
        for directive in directives {
            for names in directive["Dimensions"].as_array().unwrap() {
                let names = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                let dimensions = names.map(|name| {
                    // A line may lack a dimension: that of a refused request lacks the plan.
                    let value = line[name].as_str()?.to_owned();
                    let value = match (name, &*value) {
                        ("FunctionName", "UpdateOrganizationOption") => FUNCTION.to_owned(),
                        ("ExecutedVersion", "7") => NEW_VERSION.to_owned(),
                        _ => value,
                    };
                    Some((name.to_owned(), value))
                });
                let Some(dimensions) = dimensions.collect::<Option<BTreeMap<_, _>>>() else {
                    continue;
                };
                for metric in directive["Metrics"].as_array().unwrap() {
                    let (namespace, name) = (text(&directive["Namespace"]), text(&metric["Name"]));
                    emitted.push((namespace, name, dimensions.clone()));
                }
            }
        }
    }
    emitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_alarm_watches_what_is_there_to_be_watched() {
    let known: BTreeSet<Metric> = emitted().await.into_iter().chain(filtered()).collect();
    let api = properties("Api");
    for (watcher, metric) in watched().into_iter().chain(shown()) {
        let (namespace, name, dimensions) = &metric;
        let is_of_aws = METRICS_OF_AWS.iter().any(|(of, names, by)| {
            of == namespace && names.contains(&name.as_str()) && dimensions.keys().eq(by.iter())
        }) && dimensions.iter().all(|(name, value)| match &**name {
            "ApiName" => *value == text(&api["Name"]),
            "ExecutedVersion" => value == NEW_VERSION,
            "FunctionName" => value == FUNCTION || value == "${TokenClaims}",
            "Resource" => *value == format!("{FUNCTION}:live"),
            "Stage" => *value == text(&api["StageName"]),
            _ => false,
        });
        assert!(is_of_aws || known.contains(&metric), "{watcher}: {metric:?}");
    }
}

/// The metrics that the dashboard shows.
fn shown() -> Vec<(String, Metric)> {
    let body = properties("Dashboard")["DashboardBody"].take();
    let body: Value = serde_json::from_str(&text(&body)).unwrap();
    let mut shown = Vec::new();
    for widget in body["widgets"].as_array().unwrap() {
        let title = widget["properties"]["title"].as_str().unwrap();
        for row in widget["properties"]["metrics"].as_array().unwrap() {
            let row: Vec<_> = row.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            // A search is not a row of names: it names a schema, in braces.
            let [namespace, name, dimensions @ ..] = &row[..] else { continue };
            let pairs = dimensions.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned()));
            let metric = ((*namespace).to_owned(), (*name).to_owned(), pairs.collect());
            shown.push((title.to_owned(), metric));
        }
    }
    assert!(!shown.is_empty());
    shown
}

#[test]
fn the_route_is_the_documented_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    let openapi: Value = yaml_serde::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let paths = openapi["paths"].as_object().unwrap();
    let [(path, item)] = &*paths.iter().collect::<Vec<_>>() else { panic!("one path") };
    let methods = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
    let documented = methods.into_iter().filter(|method| item.get(method).is_some());
    assert_eq!(documented.collect::<Vec<_>>(), ["patch"]);
    let function = properties("UpdateOrganizationOption");
    let events = function["Events"].as_object().unwrap();
    assert_eq!(events.len(), 1);
    let route = &events["Patch"]["Properties"];
    assert_eq!(route["Path"], **path);
    assert_eq!(route["Method"], "PATCH");
    let preflight = properties("Api")["DefinitionBody"]["paths"].take();
    assert_eq!(set(preflight.as_object().unwrap().keys().map(String::as_str)), set([&***path]));
}

#[test]
fn no_deployment_lets_in_whom_sams_local_api_lets_in() {
    let authorizers = properties("Api")["Auth"]["Authorizers"].take();
    assert_eq!(set(authorizers.as_object().unwrap().keys().map(String::as_str)), set(["Cognito"]));
    assert!(!include_str!("../../template.yaml").contains("start-api"));

    let local: Value = yaml_serde::from_str(include_str!("../../local/start-api.yaml")).unwrap();
    // CloudFormation asks for a value, and no text matches.
    let parameter = &local["Parameters"]["NotForDeployment"];
    assert!(parameter["Type"] == "String" && parameter.get("Default").is_none());
    assert_eq!(parameter["AllowedPattern"], "(?!)");
    let authorizer = include_str!("../../local/authorizer/bootstrap");
    assert!(authorizer.contains("if [[ ${AWS_SAM_LOCAL-} == true && "));
    // Only `sam local start-api` takes that template without being told to.
    let mut command = "";
    for line in include_str!("../../samconfig.toml").lines() {
        if line.starts_with('[') {
            command = line;
        }
        if line.contains("template") && !line.starts_with('#') {
            assert!(command.ends_with(".local_start_api.parameters]"), "{command} {line}");
        }
    }

    let route = |template: &Value| {
        template["Resources"]["UpdateOrganizationOption"]["Properties"]["Events"].clone()
    };
    assert_eq!(route(&local), route(&template()));
}
