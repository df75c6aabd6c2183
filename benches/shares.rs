//! How many requests to DynamoDB a PATCH takes: of patches as clients send them, as diff libraries make
//! them, and of random ones. All counts are exact.
//!
//! `corpus.json` holds patches of options as clients send them. Their shapes follow the examples in
//! the public documentation of the APIs named there; the documents and values are made up.
//! `edits.json` is made by `edits.py`. `form-rules.json` are rules that its forms keep.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

use std::time::Duration;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use json_patch_dynamodb::{Hints, Patch, Plan, Rules, apply, to_attribute};
use local::{engine, generate, sample, table};
use proptest::{
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};
use update_organization_option::{
    authorize::{AccessRules, Caller, OrgAccess},
    request::{Event, PatchRequest},
    store::{ATTEMPT_TIMEOUT, DOCUMENT, Effort, Store, StoreConfig, Trust, http_client, timeouts},
};

/// How many random documents and patches there are.
const RANDOM: usize = 2_000;

const LIBRARIES: [&str; 3] = ["jsonpatch", "fast-json-patch", "rfc6902"];

fn main() {
    Runtime::new().unwrap().block_on(async {
        let stage = Stage::new().await;
        stage.print_corpus().await;
        stage.print_shares().await;
    });
}

fn event(headers: &Value, patch: &Value) -> Event {
    let claims = json!({
        "sub": "ann", "custom:org_guid": sample::ORG, "scope": "options/write"
    });
    let event = json!({
        "pathParameters": {"org_guid": sample::ORG, "option_guid": sample::OPTION},
        "headers": headers,
        "body": patch.to_string(),
        "requestContext": {"authorizer": {"claims": claims}}
    });
    serde_json::from_value(event).unwrap()
}

struct Stage {
    client: Client,
    store: Store,
    access: OrgAccess,
}

/// A document and a patch that fits it.
type Case = (Value, Value);

impl Stage {
    async fn new() -> Self {
        let endpoint = engine::start().await.unwrap();
        let client =
            local::client(&endpoint, http_client(Trust::Anyone), timeouts(ATTEMPT_TIMEOUT));
        table::prepare(&client, "options").await.unwrap();
        let store = Store::new(client.clone(), StoreConfig::new("options"));
        let event = event(&json!({}), &json!([]));
        let caller = Caller::of(&event).unwrap();
        let access = caller.access(sample::ORG.parse().unwrap(), &AccessRules::default()).unwrap();
        Self { client, store, access }
    }

    /// The name of the patch's plan, and the requests that it took.
    async fn send(
        &self,
        (document, patch): &Case,
        headers: &Value,
        hints: &Hints,
        rules: &Rules,
    ) -> (&'static str, u32) {
        let AttributeValue::M(item) = to_attribute(json!({
            "pk": format!("ORG#{}", sample::ORG),
            "sk": format!("OPTION#{}", sample::OPTION),
            "document": document,
            "version": 1
        })) else {
            unreachable!()
        };
        self.client.put_item().table_name("options").set_item(Some(item)).send().await.unwrap();
        let request = PatchRequest::parse(&event(headers, patch)).unwrap();
        let plan = Plan::keeping(rules, &request.patch, DOCUMENT, hints);
        let mut effort = Effort::until(Instant::now() + Duration::from_secs(10));
        self.store
            .change(&self.access, &request, rules, &plan, "bench", &mut effort)
            .await
            .unwrap();
        (plan.as_str(), effort.requests)
    }

    /// Prints what each patch of the corpus takes.
    async fn print_corpus(&self) {
        let corpus: Value = serde_json::from_str(include_str!("corpus.json")).unwrap();
        let patches = corpus["patches"].as_array().unwrap();
        let mut direct = 0;
        for entry in patches {
            let case = (corpus["document"].clone(), entry["patch"].clone());
            let (plan, requests) = self.send(&case, &json!({}), Hints::none(), Rules::none()).await;
            println!("{plan:<8} {requests} request(s)  {}", entry["does"]);
            direct += usize::from(requests == 1);
        }
        println!("{direct} of {} in one request\n", patches.len());
        assert!(direct * 10 >= 9 * patches.len());
    }

    /// Prints in which share of many patches one request is enough.
    async fn print_shares(&self) {
        println!(
            "one request is enough for, and requests of 100 PATCHes; those of a read and a write are 200"
        );
        println!(
            "{:<34} {:>7} {:>16} {:>16} {:>16} {:>16}",
            "", "patches", "first", "seen before", "first, key", "seen, key"
        );
        let none = Rules::none();
        self.print_share("random patches", &random(), none).await;
        let edits: Value = serde_json::from_str(include_str!("edits.json")).unwrap();
        let rules = Rules::parse(include_str!("form-rules.json")).unwrap();
        for kind in ["random", "form"] {
            let edits = edits[kind].as_array().unwrap();
            for library in LIBRARIES {
                let cases =
                    edits.iter().map(|edit| (edit["before"].clone(), edit[library].clone()));
                let title = format!("{kind} edits, {library}");
                let cases: Vec<_> = cases.collect();
                self.print_share(&title, &cases, none).await;
                if kind == "form" {
                    self.print_share(&format!("{title}, rules"), &cases, &rules).await;
                }
            }
            let cases = edits.iter().map(|edit| {
                let patch = json_patch::diff(&edit["before"], &edit["after"]);
                (edit["before"].clone(), json!(patch))
            });
            let title = format!("{kind} edits, json_patch::diff");
            let cases: Vec<_> = cases.collect();
            self.print_share(&title, &cases, none).await;
            if kind == "form" {
                self.print_share(&format!("{title}, rules"), &cases, &rules).await;
            }
        }
    }

    async fn print_share(&self, title: &str, cases: &[Case], rules: &Rules) {
        let count = u32::try_from(cases.len()).unwrap();
        let mut columns = Vec::new();
        for with_key in [false, true] {
            for was_seen in [false, true] {
                let (mut one, mut sum) = (0, 0);
                for (number, case) in cases.iter().enumerate() {
                    let hints = if was_seen { Hints::of(&case.0) } else { Hints::default() };
                    let headers = if with_key {
                        json!({"Idempotency-Key": format!("\"{was_seen}{number}{}\"", title.replace([' ', ','], "-"))})
                    } else {
                        json!({})
                    };
                    let (_, requests) = self.send(case, &headers, &hints, rules).await;
                    // Never more than a read and a write.
                    assert!(requests <= 2, "{case:?}: {requests}");
                    one += u32::from(requests == 1);
                    sum += requests;
                }
                let in_100 = |part: u32| f64::from(part) * 100.0 / f64::from(count);
                columns.push(format!("{:.1} % {:>5.0}", in_100(one), in_100(sum)));
            }
        }
        println!(
            "{title:<34} {count:>7} {:>16} {:>16} {:>16} {:>16}",
            columns[0], columns[1], columns[2], columns[3]
        );
    }
}

/// Random documents, and random patches that fit them, as the tests have them.
fn random() -> Vec<Case> {
    let mut runner = TestRunner::deterministic();
    let strategy = generate::document_and_patch(0);
    let mut cases = Vec::new();
    while cases.len() < RANDOM {
        let (document, body) = strategy.new_tree(&mut runner).unwrap().current();
        let patch = Patch::parse(body.to_string().as_bytes());
        if patch.is_ok_and(|patch| apply(&patch, document.clone()).is_ok()) {
            cases.push((document, body));
        }
    }
    cases
}
