//! Who may change an organization's options.
//!
//! API Gateway has verified the caller before the function runs; nothing here parses a token.
//! Access fails closed: a claim that is absent or of an unexpected type gives none.

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
}

impl Default for AccessRules {
    fn default() -> Self {
        Self {
            organization_claim: "custom:org_guid".into(),
            scope_claim: "scope".into(),
            write_scope: "options/write".into(),
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
}

/// Why a caller may not.
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
}

impl<'e> Caller<'e> {
    /// The caller that the gateway's authorizer verified.
    ///
    /// Claims are looked for where a Cognito authorizer of a REST API puts them
    /// (`authorizer.claims`), a JWT authorizer of an HTTP API (`authorizer.jwt.claims`), a Lambda
    /// authorizer of an HTTP API (`authorizer.lambda`) and one of a REST API (`authorizer`).
    ///
    /// # Errors
    ///
    /// [`Denied::NoIdentity`] where there is no authorizer, or it names nobody (`sub`, or the
    /// `principalId` of a Lambda authorizer).
    pub fn of(event: &'e Event) -> Result<Self, Denied> {
        let authorizer = event.authorizer();
        let claims = ["/claims", "/jwt/claims", "/lambda"]
            .iter()
            .find_map(|place| authorizer.pointer(place))
            .unwrap_or(authorizer);
        let subject = claims.get("sub").or_else(|| authorizer.get("principalId"));
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
    /// [`Denied::NoScope`].
    pub fn check_scope(&self, rules: &AccessRules) -> Result<(), Denied> {
        let held = [self.claim(&rules.scope_claim), self.scopes, self.claim("cognito:groups")];
        let permitted = held.into_iter().flat_map(members).any(|scope| scope == rules.write_scope);
        if permitted { Ok(()) } else { Err(Denied::NoScope) }
    }

    /// Access to the options of `org`.
    ///
    /// # Errors
    ///
    /// [`Denied::NoScope`], [`Denied::OtherOrganization`].
    pub fn access(&self, org: OrgGuid, rules: &AccessRules) -> Result<OrgAccess, Denied> {
        self.check_scope(rules)?;
        let mut own = members(self.claim(&rules.organization_claim));
        if !own.any(|guid| guid.parse() == Ok(org)) {
            return Err(Denied::OtherOrganization);
        }
        Ok(OrgAccess { org, subject: self.subject.to_owned() })
    }

    fn claim(&self, name: &str) -> &'e Value {
        self.claims.get(name).unwrap_or(&Value::Null)
    }
}

/// The members of a claim that is a list, or a text of members separated by spaces or commas.
///
/// An HTTP API hands on a list as the text `[a b]`, so brackets and quotes are stripped too.
fn members(claim: &Value) -> impl Iterator<Item = &str> {
    let texts: Vec<&str> = match claim {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    texts
        .into_iter()
        .flat_map(|text| text.split(|c: char| c == ',' || c.is_whitespace()))
        .map(|member| member.trim_matches(['[', ']', '"', '\'']))
        .filter(|member| !member.is_empty())
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
        ] {
            let claims = json!({"sub": "ann", "custom:org_guid": orgs, "scope": "options/write"});
            assert_eq!(access(&json!({"claims": claims})).as_deref(), Ok("ann"), "{orgs}");
        }
        let group =
            json!({"sub": "ann", "custom:org_guid": ORG, "cognito:groups": "[options/write]"});
        assert_eq!(access(&json!({"claims": group})).as_deref(), Ok("ann"));
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
