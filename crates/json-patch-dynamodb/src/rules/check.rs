//! Values against schemas.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, DefaultHasher, Hasher as _, RandomState},
};

use json_patch::jsonptr::{PointerBuf, Token};
use serde_json::Value;

use super::{
    READ_ONLY,
    decimal::Decimal,
    schema::{Check, Id, Rule, Schemas},
};

/// What was found with schemas: of values, by their addresses, or of places, by their hashes. There is one
/// type for all, as each takes some kilobytes in a program.
pub(crate) type Seen = HashMap<(Id, usize), isize>;

/// The address of what stays where it is as long as it is remembered.
pub(crate) fn address<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}

/// A step from a value to one of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'v> {
    Name(&'v str),
    Index(usize),
}

/// The pointer that leads along `steps`.
pub(super) fn pointer(steps: &[Step<'_>]) -> PointerBuf {
    PointerBuf::from_tokens(steps.iter().map(|step| match step {
        Step::Name(name) => Token::new(*name),
        Step::Index(index) => Token::from(*index),
    }))
}

/// The part of `value` that one step leads to.
pub(super) fn step<'v>(value: &'v Value, step: Step<'_>) -> Option<&'v Value> {
    match step {
        Step::Name(name) => value.as_object()?.get(name),
        Step::Index(index) => value.as_array()?.get(index),
    }
}

/// A rule that is broken: a keyword of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken<'s> {
    pub(super) schema: Id,
    pub(super) keyword: &'static str,
    pub(super) limit: Option<&'s str>,
}

/// Where a rule is broken.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a, 'v> {
    /// The steps that lead there.
    pub(super) steps: &'a [Step<'v>],
    /// A hash of them, in which indexes do not count: an element is the same wherever its array has it.
    hash: &'a DefaultHasher,
}

impl At<'_, '_> {
    /// What tells violations apart that count together.
    pub(super) fn kind(&self, broken: Broken<'_>) -> (Id, usize) {
        let mut hasher = self.hash.clone();
        hasher.write(broken.keyword.as_bytes());
        (broken.schema, truncated(hasher.finish()))
    }
}

/// As much of a hash as an address has.
fn truncated(hash: u64) -> usize {
    usize::try_from(hash & usize::MAX as u64).unwrap_or_default()
}

/// Whether what visits the broken rules has seen enough.
pub(super) type IsEnough = bool;

/// What is told of each rule that is broken.
pub(super) type Visit<'a, 's, 'v> = dyn FnMut(At<'_, 'v>, Broken<'s>) -> IsEnough + 'a;

/// One value that is evaluated. What was found of its parts is remembered, so that the work is at most
/// each part against each schema.
pub(crate) struct Evaluation<'s, 'v> {
    schemas: &'s Schemas,
    /// Whether a value keeps a schema that is referred to.
    known: Seen,
    /// Which values were visited with schemas that are referred to.
    visited: Seen,
    /// How the visit came to the present value, and the hash of each part of the way.
    steps: Vec<Step<'v>>,
    hashes: Vec<DefaultHasher>,
    /// The hash of the way to the whole value.
    start: DefaultHasher,
}

impl<'s, 'v> Evaluation<'s, 'v> {
    pub(crate) fn new(schemas: &'s Schemas) -> Self {
        Self::alike(schemas, &RandomState::new())
    }

    /// As [`Evaluation::new`]; all with the same `state` have the same hashes.
    pub(super) fn alike(schemas: &'s Schemas, state: &RandomState) -> Self {
        Self {
            schemas,
            known: Seen::new(),
            visited: Seen::new(),
            steps: Vec::new(),
            hashes: Vec::new(),
            start: state.build_hasher(),
        }
    }

    fn enter(&mut self, step: Step<'v>) {
        let mut hasher = self.hashes.last().unwrap_or(&self.start).clone();
        match step {
            // No text has this byte.
            Step::Name(name) => hasher.write(name.as_bytes()),
            Step::Index(_) => {}
        }
        hasher.write_u8(match step {
            Step::Name(_) => 0xff,
            Step::Index(_) => 0xfe,
        });
        self.steps.push(step);
        self.hashes.push(hasher);
    }

    fn leave(&mut self) {
        self.steps.pop();
        self.hashes.pop();
    }

    fn at(&self) -> At<'_, 'v> {
        At { steps: &self.steps, hash: self.hashes.last().unwrap_or(&self.start) }
    }

    /// Whether `value` keeps all rules of `schema`.
    pub(crate) fn is_valid(&mut self, schema: Id, value: &'v Value) -> bool {
        self.schemas[schema].rules.iter().all(|rule| self.holds(&rule.check, value))
    }

    pub(crate) fn holds(&mut self, check: &'s Check, value: &'v Value) -> bool {
        match check {
            Check::Nothing => false,
            Check::Type(types) => types.allow(value),
            Check::Enum(values) => values.contains(value),
            Check::Const(constant) => constant == value,
            Check::MultipleOf(divisor) => number(value, |number| number.is_multiple_of(*divisor)),
            Check::Minimum(limit) => number(value, |number| number >= *limit),
            Check::Maximum(limit) => number(value, |number| number <= *limit),
            Check::ExclusiveMinimum(limit) => number(value, |number| number > *limit),
            Check::ExclusiveMaximum(limit) => number(value, |number| number < *limit),
            Check::MinLength(length) => text(value, |text| text.chars().count() >= *length),
            Check::MaxLength(length) => text(value, |text| text.chars().count() <= *length),
            Check::Pattern(pattern) => text(value, |text| pattern.is_match(text)),
            Check::Format(format) => text(value, |text| format.allows(text)),
            Check::MinItems(length) => elements(value).is_none_or(|all| all.len() >= *length),
            Check::MaxItems(length) => elements(value).is_none_or(|all| all.len() <= *length),
            Check::UniqueItems => elements(value).is_none_or(|all| {
                let (state, mut found) = (RandomState::new(), Seen::new());
                all.iter().enumerate().all(|(index, element)| {
                    // Two hashes on a machine of 64 bits are equal by chance once in 10^19 times.
                    let key = (Schemas::ROOT, truncated(state.hash_one(element)));
                    found.insert(key, 1).is_none() || !all[..index].contains(element)
                })
            }),
            Check::Contains(schema) => elements(value)
                .is_none_or(|all| all.iter().any(|element| self.is_valid(*schema, element))),
            Check::Elements { first, others } => {
                elements(value).into_iter().flatten().enumerate().all(|(index, element)| {
                    let schema = first.get(index).copied().or(*others);
                    schema.is_none_or(|schema| self.is_valid(schema, element))
                })
            }
            Check::MinProperties(least) => value.as_object().is_none_or(|all| all.len() >= *least),
            Check::MaxProperties(most) => value.as_object().is_none_or(|all| all.len() <= *most),
            Check::Required(names) => value
                .as_object()
                .is_none_or(|members| names.iter().all(|name| members.contains_key(name))),
            Check::DependentRequired(names) => value.as_object().is_none_or(|members| {
                names
                    .iter()
                    .filter(|(name, _)| members.contains_key(name))
                    .all(|(_, others)| others.iter().all(|other| members.contains_key(other)))
            }),
            Check::PropertyNames(schema) => value.as_object().is_none_or(|members| {
                members.keys().all(|name| is_name_valid(self.schemas, *schema, name))
            }),
            Check::Members(members) => {
                value.as_object().into_iter().flatten().all(|(name, member)| {
                    !members.forbid(name)
                        && members.of(name).all(|schema| self.is_valid(schema, member))
                })
            }
            Check::AllOf(all) => all.iter().all(|schema| self.is_valid(*schema, value)),
            Check::AnyOf(any) => any.iter().any(|schema| self.is_valid(*schema, value)),
            Check::OneOf(each) => {
                each.iter().filter(|schema| self.is_valid(**schema, value)).take(2).count() == 1
            }
            Check::Not(schema) => !self.is_valid(*schema, value),
            Check::If { condition, then, otherwise } => {
                let branch = if self.is_valid(*condition, value) { then } else { otherwise };
                branch.is_none_or(|schema| self.is_valid(schema, value))
            }
            Check::Ref(schema) => self.outcome(*schema, value),
        }
    }

    /// As [`Evaluation::is_valid`], and remembers it.
    fn outcome(&mut self, schema: Id, value: &'v Value) -> bool {
        let key = (schema, address(value));
        if let Some(known) = self.known.get(&key) {
            return *known > 0;
        }
        let is_valid = self.is_valid(schema, value);
        self.known.insert(key, isize::from(is_valid));
        is_valid
    }

    /// Visits the rules of `schema` that `value` breaks, each with the steps to where it does, until
    /// `visit` has seen enough. Each rule of each place is visited once.
    pub(super) fn visit(
        &mut self,
        schema: Id,
        value: &'v Value,
        visit: &mut Visit<'_, 's, 'v>,
    ) -> IsEnough {
        self.walk(schema, value, None, visit)
    }

    /// As [`Evaluation::visit`], but of the rules that are broken exactly where `steps` lead.
    pub(super) fn visit_at(
        &mut self,
        schema: Id,
        value: &'v Value,
        steps: &[Step<'_>],
        visit: &mut Visit<'_, 's, 'v>,
    ) -> IsEnough {
        self.visited.clear();
        self.walk(schema, value, Some(steps), visit)
    }

    /// `along` are the steps that still lead to the one place that is visited, if it is only one.
    fn walk(
        &mut self,
        schema: Id,
        value: &'v Value,
        along: Option<&[Step<'_>]>,
        visit: &mut Visit<'_, 's, 'v>,
    ) -> IsEnough {
        if self.schemas[schema].is_target
            && self.visited.insert((schema, address(value)), 1).is_some()
        {
            return false;
        }
        let is_here = along.is_none_or(<[_]>::is_empty);
        for Rule { keyword, limit, check } in &self.schemas[schema].rules {
            let broken = |keyword, limit| Broken { schema, keyword, limit };
            let is_enough = match check {
                Check::AllOf(all) => {
                    all.iter().any(|schema| self.walk(*schema, value, along, visit))
                }
                Check::If { condition, then, otherwise } => {
                    let branch = if self.outcome(*condition, value) { then } else { otherwise };
                    branch.is_some_and(|schema| self.walk(schema, value, along, visit))
                }
                Check::Ref(schema) => self.walk(*schema, value, along, visit),
                Check::Members(members) => value.as_object().is_some_and(|object| {
                    (is_here
                        && object.keys().any(|name| members.forbid(name))
                        && visit(self.at(), broken("additionalProperties", Some("false"))))
                        || self.walk_below(along, value, visit, &|step| match step {
                            Step::Name(name) => members.of(name).collect(),
                            Step::Index(_) => Vec::new(),
                        })
                }),
                Check::Elements { first, others } => {
                    value.is_array()
                        && self.walk_below(along, value, visit, &|step| match step {
                            Step::Index(index) => {
                                first.get(index).copied().or(*others).into_iter().collect()
                            }
                            Step::Name(_) => Vec::new(),
                        })
                }
                Check::PropertyNames(names) if is_here => {
                    let mut seen = Vec::new();
                    value.as_object().into_iter().flatten().any(|(name, _)| {
                        let name = Value::from(&**name);
                        let at = self.at();
                        Evaluation::new(self.schemas).visit(*names, &name, &mut |_, broken| {
                            let is_new = !seen.contains(&broken);
                            seen.push(broken);
                            is_new && visit(at, broken)
                        })
                    })
                }
                Check::PropertyNames(_) => false,
                check => {
                    is_here
                        && !self.holds(check, value)
                        && visit(self.at(), broken(keyword, limit.as_deref()))
                }
            };
            if is_enough {
                return true;
            }
        }
        false
    }

    /// Walks to the parts of `value`, or to the one that is next `along` the way.
    fn walk_below(
        &mut self,
        along: Option<&[Step<'_>]>,
        value: &'v Value,
        visit: &mut Visit<'_, 's, 'v>,
        schemas: &dyn Fn(Step<'v>) -> Vec<Id>,
    ) -> IsEnough {
        let mut go = |to: Step<'v>, part: &'v Value, along: Option<&[Step<'_>]>| {
            let schemas = schemas(to);
            self.enter(to);
            let is_enough = schemas.iter().any(|schema| self.walk(*schema, part, along, visit));
            self.leave();
            is_enough
        };
        match (along, value) {
            (None, Value::Object(members)) => {
                members.iter().any(|(name, part)| go(Step::Name(name), part, None))
            }
            (None, Value::Array(elements)) => {
                elements.iter().enumerate().any(|(index, part)| go(Step::Index(index), part, None))
            }
            (Some([Step::Name(name), rest @ ..]), Value::Object(members)) => members
                .get_key_value(*name)
                .is_some_and(|(name, part)| go(Step::Name(name), part, Some(rest))),
            (Some([Step::Index(index), rest @ ..]), Value::Array(elements)) => {
                elements.get(*index).is_some_and(|part| go(Step::Index(*index), part, Some(rest)))
            }
            _ => false,
        }
    }

    /// Visits the places of `value` that are read-only and where `other` has something else, or
    /// nothing. `visit` tells whether to look below the place.
    pub(super) fn visit_read_only(
        &mut self,
        schema: Id,
        value: &'v Value,
        other: Option<&Value>,
        visit: &mut dyn FnMut(&[Step<'v>], Broken<'s>) -> bool,
    ) {
        let own = &self.schemas[schema];
        if !own.has_read_only || other == Some(value) {
            return;
        }
        let broken = Broken { schema, keyword: READ_ONLY, limit: None };
        if own.is_read_only && !visit(&self.steps, broken) {
            return;
        }
        for Rule { check, .. } in &own.rules {
            match check {
                Check::AllOf(all) => {
                    for schema in all {
                        self.visit_read_only(*schema, value, other, visit);
                    }
                }
                Check::AnyOf(some) | Check::OneOf(some) => {
                    for schema in some {
                        if self.is_valid(*schema, value) {
                            self.visit_read_only(*schema, value, other, visit);
                        }
                    }
                }
                Check::If { condition, then, otherwise } => {
                    let branch = if self.is_valid(*condition, value) { then } else { otherwise };
                    if let Some(schema) = branch {
                        self.visit_read_only(*schema, value, other, visit);
                    }
                }
                Check::Ref(schema)
                    if self.visited.insert((*schema, address(value)), 1).is_none() =>
                {
                    self.visit_read_only(*schema, value, other, visit);
                }
                Check::Members(members) => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        for schema in members.of(name) {
                            self.read_only_below(schema, Step::Name(name), member, other, visit);
                        }
                    }
                }
                Check::Elements { first, others } => {
                    for (index, element) in elements(value).into_iter().flatten().enumerate() {
                        if let Some(schema) = first.get(index).copied().or(*others) {
                            self.read_only_below(schema, Step::Index(index), element, other, visit);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn read_only_below(
        &mut self,
        schema: Id,
        to: Step<'v>,
        part: &'v Value,
        other: Option<&Value>,
        visit: &mut dyn FnMut(&[Step<'v>], Broken<'s>) -> bool,
    ) {
        self.steps.push(to);
        let other = other.and_then(|other| step(other, to));
        self.visit_read_only(schema, part, other, visit);
        self.steps.pop();
    }
}

/// Whether a member may be named `name`.
pub(crate) fn is_name_valid(schemas: &Schemas, schema: Id, name: &str) -> bool {
    Evaluation::new(schemas).is_valid(schema, &Value::from(name))
}

fn number(value: &Value, check: impl FnOnce(Decimal) -> bool) -> bool {
    match value {
        Value::Number(number) => Decimal::of(number).is_none_or(check),
        _ => true,
    }
}

fn text(value: &Value, check: impl FnOnce(&str) -> bool) -> bool {
    value.as_str().is_none_or(check)
}

fn elements(value: &Value) -> Option<&Vec<Value>> {
    value.as_array()
}
