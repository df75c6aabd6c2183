//! Who may change an organization's options.
//!
//! API Gateway has verified the caller before the function runs, so nothing here parses a token.
//! Access fails closed: a claim that is absent or of an unexpected type gives no access.

use serde_json::Value;

use crate::{id::OrgGuid, request::Event};

/// Which claims give access.
#[derive(Debug, Clone)]
pub struct AccessRules {
    /// The claim that lists the caller's organizations: a GUID, a list of them, or a text of them
    /// separated by spaces or commas.
    pub organization_claim: String,
    /// The claim that lists the caller's scopes, in the same forms.
    pub scope_claim: String,
    /// The scope, or the Cognito group, that permits a change.
    pub write_scope: String,
    /// The scope, or the Cognito group, that permits to see what is stored; without it whoever may
    /// change an option may also see it.
    pub read_scope: Option<String>,
    /// The scope, or the Cognito group, that permits to change what the rules call read-only; without it
    /// nobody may.
    pub rules_scope: Option<String>,
}

impl Default for AccessRules {
    fn default() -> Self {
        Self {
            organization_claim: "custom:org_guid".into(),
            scope_claim: "scope".into(),
            write_scope: "options/write".into(),
            read_scope: None,
            rules_scope: None,
        }
    }
}

/// A caller whom the gateway's authorizer has verified.
#[derive(Debug, Clone)]
pub struct Caller<'e> {
    /// The authorizer's claims, `requestContext.authorizer` or a member of it.
    claims: &'e Value,
    /// The scopes an HTTP API's JWT authorizer lists beside the claims.
    scopes: &'e Value,
    subject: &'e str,
}

/// The permission to change the options of one organization: what the store demands.
///
/// Only [`Caller::access`] makes one.
#[derive(Debug, Clone)]
pub struct OrgAccess {
    org: OrgGuid,
    subject: String,
    may_read: bool,
    may_change_read_only: bool,
}

impl OrgAccess {
    /// The organization.
    #[must_use]
    pub fn org(&self) -> OrgGuid {
        self.org
    }

    /// The caller's `sub`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Whether the caller may see what is stored.
    #[must_use]
    pub fn may_read(&self) -> bool {
        self.may_read
    }

    /// Whether the caller may change what the rules call read-only.
    #[must_use]
    pub fn may_change_read_only(&self) -> bool {
        self.may_change_read_only
    }
}

/// Why a caller has no access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The event carries no verified identity.
    #[error("the request carries no verified identity")]
    NoIdentity,
    /// The caller's scopes and groups do not include the one that permits a change.
    #[error("the caller lacks the scope that permits changing options")]
    NoScope,
    /// The caller does not belong to the organization.
    #[error("the caller does not belong to this organization")]
    OtherOrganization,
    /// The request is a dry run, which shows what is stored, and the caller may not see that.
    #[error("the caller lacks the scope that permits seeing options, as a dry run does")]
    NoReadScope,
}

impl<'e> Caller<'e> {
    /// The caller that the gateway's authorizer verified.
    ///
    /// Each kind of authorizer has a place for claims: a Cognito authorizer of a REST API
    /// `authorizer.claims`, a JWT authorizer of an HTTP API `authorizer.jwt.claims`, a Lambda
    /// authorizer of an HTTP API `authorizer.lambda`, and one of a REST API `authorizer` itself.
    ///
    /// # Errors
    ///
    /// [`Denied::NoIdentity`] where there is no authorizer, or where it names nobody. `sub` names
    /// the caller. Where `sub` is absent, null or empty, the `principalId` of a Lambda authorizer
    /// does.
    pub fn of(event: &'e Event) -> Result<Self, Denied> {
        let authorizer = event.authorizer();
        let claims = ["/claims", "/jwt/claims", "/lambda"]
            .iter()
            .find_map(|place| authorizer.pointer(place))
            .unwrap_or(authorizer);
        let is_none = |subject: &&Value| subject.is_null() || *subject == "";
        let subject = claims.get("sub").filter(|subject| !is_none(subject));
        let subject = subject.or_else(|| authorizer.get("principalId"));
        let subject = subject.and_then(Value::as_str).filter(|subject| !subject.is_empty());
        Ok(Self {
            claims,
            scopes: authorizer.pointer("/jwt/scopes").unwrap_or(&Value::Null),
            subject: subject.ok_or(Denied::NoIdentity)?,
        })
    }

    /// The caller's `sub`.
    #[must_use]
    pub fn subject(&self) -> &'e str {
        self.subject
    }

    /// Checks that the caller may change options at all, in whichever organization.
    ///
    /// # Errors
    ///
    /// [`Denied::NoScope`] where the caller's scopes and groups do not permit that.
    pub fn check_scope(&self, rules: &AccessRules) -> Result<(), Denied> {
        if self.holds(&rules.write_scope, rules) { Ok(()) } else { Err(Denied::NoScope) }
    }

    fn holds(&self, scope: &str, rules: &AccessRules) -> bool {
        let held = [self.claim(&rules.scope_claim), self.scopes, self.claim("cognito:groups")];
        held.into_iter().flat_map(members).any(|each| each == scope)
    }

    /// Access to the options of `org`.
    ///
    /// # Errors
    ///
    /// [`Denied::NoScope`] where the caller may change no options, [`Denied::OtherOrganization`]
    /// where they do not belong to `org`.
    pub fn access(&self, org: OrgGuid, rules: &AccessRules) -> Result<OrgAccess, Denied> {
        self.check_scope(rules)?;
        // One member that is no GUID voids the claim: it is not the list that it was taken for.
        let own = members(self.claim(&rules.organization_claim));
        let guid = |member: &str| {
            // A GUID in braces may be an object of one member, printed as text.
            let is_braced = member.starts_with('{');
            member.parse::<OrgGuid>().ok().filter(|_| !is_braced)
        };
        let own: Option<Vec<_>> = own.into_iter().map(guid).collect();
        if !own.is_some_and(|own| own.contains(&org)) {
            return Err(Denied::OtherOrganization);
        }
        let may_read = rules.read_scope.as_ref().is_none_or(|scope| self.holds(scope, rules));
        let may_change_read_only =
            rules.rules_scope.as_ref().is_some_and(|scope| self.holds(scope, rules));
        let subject = self.subject.to_owned();
        Ok(OrgAccess { org, subject, may_read, may_change_read_only })
    }

    fn claim(&self, name: &str) -> &'e Value {
        self.claims.get(name).unwrap_or(&Value::Null)
    }
}

/// The members of a claim that is a list, or a text with spaces or commas between the members. Any
/// other claim has no members.
///
/// An HTTP API hands on a list as the text `[a b]`, and an authorizer may hand on one as
/// `["a","b"]`. A text may also be an object, or a list of other things than texts, as any language
/// prints them. That is no list: what merely stands in it must not count.
fn members(claim: &Value) -> Vec<&str> {
    let members = match claim {
        Value::String(text) => members_of_text(text.trim()),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    };
    members.unwrap_or_default()
}

fn members_of_text(text: &str) -> Option<Vec<&str>> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let inner = inner.unwrap_or(text).trim();
    if inner.starts_with(['"', '\'']) {
        return inner.split(',').map(|member| unquoted(member.trim())).collect();
    }
    let members = inner.split(|c: char| c == ',' || c.is_whitespace());
    let members = members.filter(|member| !member.is_empty());
    members.map(|member| (!is_part_of_a_structure(member)).then_some(member)).collect()
}

/// The text between the quotes, if `member` is one quoted text and nothing else.
fn unquoted(member: &str) -> Option<&str> {
    let within = |quote: char| {
        let inner = member.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inner.contains(['"', '\'', '\\'])).then_some(inner)
    };
    within('"').or_else(|| within('\''))
}

/// Whether the member shows that the text was a structure: by a mark around parts, or by a mark
/// between a name and its value. A pair of parentheses shows nothing: scopes and groups may have
/// one in their names.
fn is_part_of_a_structure(member: &str) -> bool {
    let count = |mark| member.matches(mark).count();
    member.contains(['{', '}', '[', ']', '<', '>'])
        || count('(') != count(')')
        || member.ends_with([':', '='])
        || matches!(member, "-" | "(" | ")")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ORG: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    const OTHER: &str = "9b2d5b0e-8c0a-4c5f-9d3e-2f6a1c7b8d90";

    fn access(authorizer: &Value) -> Result<String, Denied> {
        let event = json!({"requestContext": {"authorizer": authorizer}});
        let event: Event = serde_json::from_value(event).expect("an event");
        let access =
            Caller::of(&event)?.access(ORG.parse().expect("a GUID"), &AccessRules::default())?;
        assert_eq!(access.org().to_string(), ORG);
        Ok(access.subject().to_owned())
    }

    #[test]
    fn every_kind_of_authorizer_names_its_caller() {
        let claims = json!({"sub": "ann", "custom:org_guid": ORG, "scope": "a options/write"});
        let mut flat = claims.clone();
        flat.as_object_mut().unwrap().remove("sub");
        flat["principalId"] = json!("ann");
        for authorizer in [
            json!({"claims": claims}),
            json!({"jwt": {"claims": claims, "scopes": null}}),
            json!({"lambda": claims}),
            claims.clone(),
            flat,
            json!({"jwt": {"claims": {"sub": "ann", "custom:org_guid": ORG},
                           "scopes": ["options/write"]}}),
        ] {
            assert_eq!(access(&authorizer).as_deref(), Ok("ann"), "{authorizer}");
        }
    }

    #[test]
    fn organizations_and_scopes_come_in_several_forms() {
        for orgs in [
            json!(ORG),
            json!(ORG.to_uppercase()),
            json!([OTHER, ORG]),
            json!(format!("{OTHER} {ORG}")),
            json!(format!("{OTHER},{ORG}")),
            json!(format!("[{OTHER} {ORG}]")),
            json!(format!("[\"{OTHER}\", \"{ORG}\"]")),
            json!(format!("['{OTHER}','{ORG}']")),
            json!(format!(" [{ORG}] ")),
        ] {
            let claims = json!({"sub": "ann", "custom:org_guid": orgs, "scope": "options/write"});
            assert_eq!(access(&json!({"claims": claims})).as_deref(), Ok("ann"), "{orgs}");
        }
        for scopes in [
            json!("a,options/write"),
            json!(["a", "options/write"]),
            json!("options/write,Admins(EU)"),
            json!(["options/write", "Admins(EU)", "{a}"]),
            json!("options/write,Ann's"),
            json!("[https://example.com/a:b options/write]"),
            json!(r#"["a","options/write"]"#),
        ] {
            let claims = json!({"sub": "ann", "custom:org_guid": ORG, "scope": scopes});
            assert_eq!(access(&json!({"claims": claims})).as_deref(), Ok("ann"), "{scopes}");
        }
        let group =
            json!({"sub": "ann", "custom:org_guid": ORG, "cognito:groups": "[options/write]"});
        assert_eq!(access(&json!({"claims": group})).as_deref(), Ok("ann"));
    }

    #[test]
    fn an_empty_sub_is_none() {
        for sub in [json!(null), json!("")] {
            let claims = json!({"sub": sub, "principalId": "bob", "custom:org_guid": ORG,
                                "scope": "options/write"});
            assert_eq!(access(&claims).as_deref(), Ok("bob"), "{sub}");
        }
        let claims = json!({"sub": 7, "principalId": "bob", "custom:org_guid": ORG,
                            "scope": "options/write"});
        assert_eq!(access(&claims), Err(Denied::NoIdentity));
    }

    /// An object, or a list of objects, as gateways and languages render it as text.
    #[test]
    fn what_merely_stands_in_a_structure_is_no_access() {
        let list_of = |member: &str| format!("[{member}]");
        for rendered in [
            // Go, as API Gateway renders a claim that is an object.
            format!("map[id:{ORG}]"),
            format!("map[id:{ORG} role:admin]"),
            format!("map[ {ORG} ]"),
            format!("map[orgs:[{OTHER} {ORG}]]"),
            format!("map[{OTHER}:[ {ORG} ]]"),
            format!("{{{ORG}}}"),
            format!("{{{OTHER} {ORG}}}"),
            // JSON, with and without spaces.
            json!({"id": ORG}).to_string(),
            format!(r#"{{ "orgs": [ "{ORG}" ] }}"#),
            format!(r#"{{"{ORG}": false}}"#),
            format!(r#"["{OTHER}", {{"id": "{ORG}"}}]"#),
            format!(r#"[ "{ORG}" , null ]"#),
            format!(r#"[["{ORG}"]]"#),
            // Python, Ruby, Java, JavaScript.
            format!("{{'id': '{ORG}'}}"),
            format!("{{ '{ORG}' }}"),
            format!("('{ORG}', '{OTHER}')"),
            format!("{{:id=>\"{ORG}\"}}"),
            format!("{{id={ORG}, denied={OTHER}}}"),
            format!("Org(id={ORG})"),
            format!("[object Object] {ORG}"),
            // Half of something.
            format!("[{ORG}"),
            format!("{ORG}]"),
            format!("\"{ORG}"),
            format!("not {ORG}"),
            format!("{ORG} x"),
        ] {
            for rendered in [json!(rendered), json!(list_of(&rendered)), json!([rendered])] {
                let claims =
                    json!({"sub": "a", "scope": "options/write", "custom:org_guid": rendered});
                let authorizer = json!({"claims": claims});
                assert_eq!(access(&authorizer), Err(Denied::OtherOrganization), "{rendered}");
            }
        }
        for structured in
            [json!([{"id": ORG}]), json!([ORG, {"id": ORG}]), json!([ORG, null]), json!([[ORG]])]
        {
            let claims =
                json!({"sub": "a", "scope": "options/write", "custom:org_guid": structured});
            let authorizer = json!({"claims": claims});
            assert_eq!(access(&authorizer), Err(Denied::OtherOrganization), "{structured}");
        }
        for scope in [
            json!("map[options/write:false]"),
            json!("map[denied:[a options/write]]"),
            json!("map[scopes: options/write ]"),
            json!("[map[name:a denied: options/write ]]"),
            json!("denied:[ options/write ]"),
            json!(r#"{"options/write": false}"#),
            json!(r#"{ "denied": [ "options/write" ] }"#),
            json!(r#"[{ "denied": "options/write" }]"#),
            json!("{'denied': 'options/write'}"),
            json!("{denied= options/write }"),
            json!("Map(denied -> options/write , other -> b)"),
            json!("List(a, options/write, b)"),
            json!("Denied( options/write )"),
            json!(r#"[denied: "options/write"]"#),
            json!(r#"["denied": "options/write", "x": "y"]"#),
            json!("[denied: options/write, other: x]"),
            json!("denied: options/write"),
            json!("denied:\n- options/write"),
            json!("denied => options/write"),
            json!("denied= options/write"),
            json!("<denied> options/write </denied>"),
            json!(r#"["all but options/write please"]"#),
            json!(r#"["a\",options/write,\"b"]"#),
            json!("[[ options/write ]]"),
            json!(["options/write", {"denied": true}]),
            json!([["options/write"]]),
            json!(["[options/write]"]),
            json!(["a options/write"]),
        ] {
            for claim in ["scope", "cognito:groups"] {
                let claims = json!({"sub": "a", "custom:org_guid": ORG, claim: scope});
                let authorizer = json!({"claims": claims});
                assert_eq!(access(&authorizer), Err(Denied::NoScope), "{claim} {scope}");
            }
            let claims = json!({"sub": "a", "custom:org_guid": ORG});
            let authorizer = json!({"jwt": {"claims": claims, "scopes": scope}});
            assert_eq!(access(&authorizer), Err(Denied::NoScope), "{scope}");
        }
    }

    #[test]
    fn whatever_is_missing_or_odd_is_no_access() {
        let scope = "options/write";
        for (authorizer, why) in [
            (json!(null), Denied::NoIdentity),
            (json!("ann"), Denied::NoIdentity),
            (json!({"claims": null, "sub": "ann"}), Denied::NoIdentity),
            (json!({"claims": {"sub": "", "scope": scope}}), Denied::NoIdentity),
            (json!({"claims": {"sub": 7, "scope": scope}}), Denied::NoIdentity),
            (json!({"claims": {"sub": "a", "custom:org_guid": ORG}}), Denied::NoScope),
            (
                json!({"claims": {"sub": "a", "custom:org_guid": ORG, "scope": "options/write2"}}),
                Denied::NoScope,
            ),
            (json!({"claims": {"sub": "a", "scope": scope}}), Denied::OtherOrganization),
            (
                json!({"claims": {"sub": "a", "scope": scope, "custom:org_guid": OTHER}}),
                Denied::OtherOrganization,
            ),
            (
                json!({"claims": {"sub": "a", "scope": scope, "custom:org_guid": {"a": ORG}}}),
                Denied::OtherOrganization,
            ),
            (
                json!({"claims": {"sub": "a", "scope": scope, "custom:org_guid": format!("x{ORG}")}}),
                Denied::OtherOrganization,
            ),
        ] {
            assert_eq!(access(&authorizer), Err(why), "{authorizer}");
        }
    }
}
