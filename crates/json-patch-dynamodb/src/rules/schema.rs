//! A JSON Schema, parsed so that nothing of it is ignored.

use json_patch::jsonptr::{Pointer, PointerBuf};
use regex_lite::Regex;
use serde_json::{Map, Value};

use super::{READ_ONLY, RuleProblem, RulesError, decimal::Decimal, format::Format};

/// The one dialect, as `$schema` may name it.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

const EXPECTED_DIALECT: &str = "`https://json-schema.org/draft/2020-12/schema`";

/// Keywords that mean something only together.
const TOGETHER: [&str; 8] = [
    "properties",
    "patternProperties",
    "additionalProperties",
    "prefixItems",
    "items",
    "if",
    "then",
    "else",
];

/// Keywords that ask for nothing.
const NOTES: [&str; 7] =
    ["$comment", "title", "description", "default", "deprecated", "examples", "writeOnly"];

/// A keyword whose value is of one kind, and what it asks for.
type Entry<T> = (&'static str, fn(T) -> Check);

const OF_NUMBERS: [Entry<Decimal>; 4] = [
    ("minimum", Check::Minimum),
    ("maximum", Check::Maximum),
    ("exclusiveMinimum", Check::ExclusiveMinimum),
    ("exclusiveMaximum", Check::ExclusiveMaximum),
];

const OF_COUNTS: [Entry<usize>; 6] = [
    ("minLength", Check::MinLength),
    ("maxLength", Check::MaxLength),
    ("minItems", Check::MinItems),
    ("maxItems", Check::MaxItems),
    ("minProperties", Check::MinProperties),
    ("maxProperties", Check::MaxProperties),
];

const OF_SCHEMAS: [Entry<Id>; 3] =
    [("contains", Check::Contains), ("propertyNames", Check::PropertyNames), ("not", Check::Not)];

const OF_LISTS: [Entry<Vec<Id>>; 3] =
    [("allOf", Check::AllOf), ("anyOf", Check::AnyOf), ("oneOf", Check::OneOf)];

/// The entry of `keyword`.
fn by_name<T>(table: &[Entry<T>], keyword: &str) -> Option<Entry<T>> {
    table.iter().find(|(name, _)| *name == keyword).copied()
}

/// The most schemas that apply to one value within each other: each takes room on the stack, for each level
/// of the document.
pub(crate) const MAX_IN_PLACE: usize = 64;

/// The most characters of a rule's limit that are kept for errors.
const MAX_LIMIT: usize = 200;

/// What was parsed. The error is in a box, as most functions here hand it on.
type Parsed<T> = Result<T, Box<RulesError>>;

/// A schema, by its number among those of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(usize);

/// All schemas of a file. The first one is the whole file.
#[derive(Debug, Default)]
pub(crate) struct Schemas(Vec<Schema>);

/// One schema: rules that a value has to keep.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Its place in its file.
    pub(crate) place: PointerBuf,
    pub(crate) rules: Vec<Rule>,
    /// Whether the value may not change.
    pub(crate) is_read_only: bool,
    /// Whether this schema, or one of those below it or referred to, has `readOnly`.
    pub(crate) has_read_only: bool,
    /// Whether some schema refers to it.
    pub(crate) is_target: bool,
}

/// A keyword with its value.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) keyword: &'static str,
    /// The keyword's value as JSON, where that is no schema; a long one is cut.
    pub(crate) limit: Option<String>,
    pub(crate) check: Check,
}

/// What a keyword asks for. "JSON Schema Core" 10 and "JSON Schema Validation" 6 of 2020-12 say what
/// each means.
#[derive(Debug)]
pub(crate) enum Check {
    /// The schema `false`: no value.
    Nothing,
    Type(Types),
    Enum(Vec<Value>),
    Const(Value),
    MultipleOf(Decimal),
    Minimum(Decimal),
    Maximum(Decimal),
    ExclusiveMinimum(Decimal),
    ExclusiveMaximum(Decimal),
    MinLength(usize),
    MaxLength(usize),
    Pattern(Regex),
    Format(Format),
    MinItems(usize),
    MaxItems(usize),
    UniqueItems,
    Contains(Id),
    /// `prefixItems` and `items`.
    Elements {
        first: Vec<Id>,
        others: Option<Id>,
    },
    MinProperties(usize),
    MaxProperties(usize),
    Required(Vec<String>),
    DependentRequired(Vec<(String, Vec<String>)>),
    PropertyNames(Id),
    /// `properties`, `patternProperties` and `additionalProperties`.
    Members(Members),
    AllOf(Vec<Id>),
    AnyOf(Vec<Id>),
    OneOf(Vec<Id>),
    Not(Id),
    If {
        condition: Id,
        then: Option<Id>,
        otherwise: Option<Id>,
    },
    Ref(Id),
}

/// Which schemas the members of an object have to keep.
#[derive(Debug, Default)]
pub(crate) struct Members {
    named: Vec<(String, Id)>,
    patterns: Vec<(Regex, Id)>,
    /// For a member that has neither a name nor a pattern.
    others: Option<Id>,
    /// Whether there must be no such member.
    is_closed: bool,
}

impl Members {
    /// The schemas of the member `name`.
    pub(crate) fn of<'m>(&'m self, name: &'m str) -> impl Iterator<Item = Id> + 'm {
        let others = if self.is_other(name) { self.others } else { None };
        let patterns = self.patterns.iter().filter(|(pattern, _)| pattern.is_match(name));
        let named = self.named(name);
        named.into_iter().chain(patterns.map(|(_, id)| *id)).chain(others)
    }

    /// Whether there must be no member `name`, as it is not named.
    pub(crate) fn forbid(&self, name: &str) -> bool {
        self.is_closed && self.is_other(name)
    }

    fn named(&self, name: &str) -> Option<Id> {
        self.named.iter().find(|(each, _)| each == name).map(|(_, id)| *id)
    }

    fn is_other(&self, name: &str) -> bool {
        self.named(name).is_none()
            && !self.patterns.iter().any(|(pattern, _)| pattern.is_match(name))
    }
}

/// Types of JSON values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Types(u8);

impl Types {
    const NAMES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
    const INTEGER: u8 = 1 << 6;

    fn add(&mut self, name: &str) -> Option<()> {
        let number = Self::NAMES.iter().position(|each| *each == name)?;
        self.0 |= 1 << number;
        Some(())
    }

    pub(crate) fn allow(self, value: &Value) -> bool {
        let number = match value {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Object(_) => 2,
            Value::Array(_) => 3,
            Value::Number(_) => 4,
            Value::String(_) => 5,
        };
        let is_integer = || match value {
            Value::Number(number) => Decimal::of(number).is_some_and(Decimal::is_integer),
            _ => false,
        };
        self.0 & (1 << number) != 0 || self.0 & Self::INTEGER != 0 && is_integer()
    }
}

/// What a schema applies to that another one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AppliesTo {
    Value,
    Part,
    /// The value, but only whether the schema holds counts.
    JudgedValue,
    /// A part or a name, likewise.
    JudgedPart,
}

impl Check {
    /// Visits the schemas that this refers to or holds, with what each applies to.
    fn visit(&self, visit: &mut dyn FnMut(AppliesTo, Id)) {
        let mut each = |to, ids: &mut dyn Iterator<Item = &Id>| {
            for id in ids {
                visit(to, *id);
            }
        };
        match self {
            Self::AllOf(all) | Self::AnyOf(all) | Self::OneOf(all) => {
                each(AppliesTo::Value, &mut all.iter());
            }
            Self::Ref(id) => each(AppliesTo::Value, &mut [id].into_iter()),
            Self::Not(id) => each(AppliesTo::JudgedValue, &mut [id].into_iter()),
            Self::If { condition, then, otherwise } => {
                each(AppliesTo::JudgedValue, &mut [condition].into_iter());
                each(AppliesTo::Value, &mut then.iter().chain(otherwise));
            }
            Self::Contains(id) | Self::PropertyNames(id) => {
                each(AppliesTo::JudgedPart, &mut [id].into_iter());
            }
            Self::Elements { first, others } => {
                each(AppliesTo::Part, &mut first.iter().chain(others));
            }
            Self::Members(members) => {
                each(AppliesTo::Part, &mut members.named.iter().map(|(_, id)| id));
                each(AppliesTo::Part, &mut members.patterns.iter().map(|(_, id)| id));
                each(AppliesTo::Part, &mut members.others.iter());
            }
            _ => {}
        }
    }

    /// Whether this only says which schemas the value or its parts have to keep.
    pub(crate) fn is_of_parts(&self) -> bool {
        matches!(self, Self::Members(_) | Self::Elements { .. } | Self::AllOf(_) | Self::Ref(_))
    }
}

impl Schema {
    /// Whether it allows everything.
    pub(crate) fn is_trivial(&self) -> bool {
        self.rules.is_empty() && !self.is_read_only
    }
}

impl std::ops::Index<Id> for Schemas {
    type Output = Schema;

    fn index(&self, id: Id) -> &Schema {
        &self.0[id.0]
    }
}

impl Schemas {
    /// The schema of the whole file.
    pub(crate) const ROOT: Id = Id(0);

    /// Parses the schema of a file.
    pub(crate) fn parse(schema: &Value) -> Parsed<Self> {
        let mut parser = Parser::default();
        parser.schema(schema, &mut PointerBuf::new())?;
        parser.resolve()?;
        let mut schemas = Self(parser.schemas);
        schemas.check_references()?;
        schemas.note_read_only()?;
        Ok(schemas)
    }

    /// The place of a schema's keyword in its file.
    pub(crate) fn place_of(&self, schema: Id, keyword: &str) -> PointerBuf {
        let mut place = self[schema].place.clone();
        // The schema `false` has no keyword.
        if keyword != "false" {
            place.push_back(keyword);
        }
        place
    }

    /// Refuses a reference that comes back to itself without a step into the value.
    fn check_references(&self) -> Parsed<()> {
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            New,
            Open,
            Done,
        }
        let mut states = vec![State::New; self.0.len()];
        // How many schemas apply to one value within each other, from each on.
        let mut depths = vec![1_usize; self.0.len()];
        for start in 0..self.0.len() {
            // Each entry is a schema, and those at the same value that are still to be visited.
            let mut stack = Vec::new();
            if states[start] == State::New {
                states[start] = State::Open;
                stack.push((start, self.in_place(start)));
            }
            while let Some((at, rest)) = stack.last_mut() {
                let Some(Id(next)) = rest.pop() else {
                    let (done, depth) = (*at, depths[*at]);
                    states[done] = State::Done;
                    stack.pop();
                    if let Some((parent, _)) = stack.last() {
                        depths[*parent] = depths[*parent].max(depth + 1);
                    }
                    if depth > MAX_IN_PLACE {
                        return Err(Box::new(RulesError {
                            pointer: self.0[done].place.clone(),
                            keyword: None,
                            problem: RuleProblem::TooManyInPlace,
                        }));
                    }
                    continue;
                };
                match states[next] {
                    State::Done => depths[*at] = depths[*at].max(depths[next] + 1),
                    State::Open => {
                        let place = self.0[*at].place.clone();
                        return Err(Box::new(RulesError {
                            pointer: place,
                            keyword: Some("$ref".into()),
                            problem: RuleProblem::EndlessReference,
                        }));
                    }
                    State::New => {
                        states[next] = State::Open;
                        stack.push((next, self.in_place(next)));
                    }
                }
            }
        }
        Ok(())
    }

    /// The schemas that apply to the same value.
    fn in_place(&self, number: usize) -> Vec<Id> {
        let mut all = Vec::new();
        for rule in &self.0[number].rules {
            rule.check.visit(&mut |to, id| {
                if matches!(to, AppliesTo::Value | AppliesTo::JudgedValue) {
                    all.push(id);
                }
            });
        }
        all
    }

    /// Tells each schema whether it has `readOnly` below it, and refuses `readOnly` where it says
    /// nothing.
    fn note_read_only(&mut self) -> Parsed<()> {
        let mut has_changed = true;
        while has_changed {
            has_changed = false;
            for number in 0..self.0.len() {
                let mut has = self.0[number].has_read_only;
                for rule in &self.0[number].rules {
                    rule.check.visit(&mut |_, id| has |= self[id].has_read_only);
                }
                has_changed |= has != self.0[number].has_read_only;
                self.0[number].has_read_only = has;
            }
        }
        for schema in &self.0 {
            for rule in &schema.rules {
                let mut within = None;
                rule.check.visit(&mut |to, id| {
                    let is_judged = matches!(to, AppliesTo::JudgedValue | AppliesTo::JudgedPart);
                    if is_judged && self[id].has_read_only {
                        within = Some(id);
                    }
                });
                // Down to the keyword itself.
                let Some(mut at) = within else { continue };
                for _ in 0..self.0.len() {
                    if self[at].is_read_only {
                        break;
                    }
                    let mut next = None;
                    for rule in &self[at].rules {
                        rule.check.visit(&mut |_, id| {
                            next = next.or(Some(id).filter(|id| self[*id].has_read_only));
                        });
                    }
                    at = next.unwrap_or(at);
                }
                return Err(Box::new(RulesError {
                    pointer: self[at].place.clone(),
                    keyword: Some(READ_ONLY.into()),
                    problem: RuleProblem::ReadOnlySaysNothing(rule.keyword),
                }));
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Parser {
    schemas: Vec<Schema>,
    /// The schemas with a `$ref`, and where each leads.
    references: Vec<(Id, PointerBuf)>,
}

/// The object of a schema that is being parsed.
struct Source<'s> {
    members: &'s Map<String, Value>,
    place: &'s Pointer,
}

#[expect(clippy::unnecessary_box_returns, reason = "most functions hand the error on")]
impl<'s> Source<'s> {
    fn refuse(&self, keyword: &str, problem: RuleProblem) -> Box<RulesError> {
        let pointer = self.place.to_buf();
        Box::new(RulesError { pointer, keyword: Some(keyword.into()), problem })
    }

    fn expected(&self, keyword: &str, what: &'static str) -> Box<RulesError> {
        self.refuse(keyword, RuleProblem::Expected(what))
    }

    fn object(&self, keyword: &str) -> Parsed<Option<&'s Map<String, Value>>> {
        let Some(value) = self.members.get(keyword) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| self.expected(keyword, "an object"))
    }

    fn array<'v>(
        &self,
        keyword: &str,
        value: &'v Value,
        what: &'static str,
    ) -> Parsed<&'v Vec<Value>> {
        value.as_array().ok_or_else(|| self.expected(keyword, what))
    }

    fn text<'v>(&self, keyword: &str, value: &'v Value) -> Parsed<&'v str> {
        value.as_str().ok_or_else(|| self.expected(keyword, "a string"))
    }

    fn flag(&self, keyword: &str, value: &Value) -> Parsed<bool> {
        value.as_bool().ok_or_else(|| self.expected(keyword, "`true` or `false`"))
    }

    fn number(&self, keyword: &str, value: &Value) -> Parsed<Decimal> {
        let number = match value {
            Value::Number(number) => Decimal::of(number),
            _ => None,
        };
        number.ok_or_else(|| self.expected(keyword, "a number"))
    }

    fn count(&self, keyword: &str, value: &Value) -> Parsed<usize> {
        let count = self.number(keyword, value).ok().and_then(Decimal::to_count);
        count.ok_or_else(|| self.expected(keyword, "a whole number from 0"))
    }

    fn names(&self, keyword: &str, value: &Value) -> Parsed<Vec<String>> {
        let mut names = Vec::new();
        for name in self.array(keyword, value, "an array of strings")? {
            names.push(self.text(keyword, name)?.to_owned());
        }
        Ok(names)
    }

    fn regex(&self, keyword: &str, pattern: &str) -> Parsed<Regex> {
        if let Some(what) = foreign(pattern) {
            return Err(self.refuse(keyword, RuleProblem::Foreign(what)));
        }
        Regex::new(pattern)
            .map_err(|error| self.refuse(keyword, RuleProblem::Pattern(error.to_string())))
    }

    fn types(&self, keyword: &str, value: &Value) -> Parsed<Types> {
        let mut types = Types::default();
        let is_known = match value {
            Value::String(name) => types.add(name).is_some(),
            Value::Array(names) if !names.is_empty() => {
                names.iter().all(|name| name.as_str().is_some_and(|name| types.add(name).is_some()))
            }
            _ => false,
        };
        let expected = "`null`, `boolean`, `object`, `array`, `number`, `string` or `integer`, or an \
                        array of these";
        if is_known { Ok(types) } else { Err(self.expected(keyword, expected)) }
    }
}

impl Parser {
    /// Parses a schema, which stands at `place`.
    fn schema(&mut self, schema: &Value, place: &mut PointerBuf) -> Parsed<Id> {
        let id = Id(self.schemas.len());
        self.schemas.push(Schema {
            place: place.clone(),
            rules: Vec::new(),
            is_read_only: false,
            has_read_only: false,
            is_target: false,
        });
        let members = match schema {
            Value::Bool(true) => return Ok(id),
            Value::Bool(false) => {
                let limit = Some("false".to_owned());
                let rule = Rule { keyword: "false", limit, check: Check::Nothing };
                self.finish(id, vec![rule], false);
                return Ok(id);
            }
            Value::Object(members) => members,
            _ => {
                return Err(Box::new(RulesError {
                    pointer: place.clone(),
                    keyword: None,
                    problem: RuleProblem::Expected("an object, `true` or `false`"),
                }));
            }
        };
        let own_place = place.clone();
        let source = Source { members, place: &own_place };
        let mut rules = Vec::new();
        let mut is_read_only = false;
        for (keyword, value) in members {
            match &**keyword {
                "readOnly" => is_read_only = source.flag("readOnly", value)?,
                "$ref" => self.references.push((id, reference(&source, value)?)),
                keyword => {
                    let check = self.check(&source, keyword, value, place)?;
                    rules.extend(check.map(|(keyword, check)| rule(keyword, value, check)));
                }
            }
        }
        rules.extend(self.checks_of_several(&source, place)?);
        self.finish(id, rules, is_read_only);
        Ok(id)
    }

    fn finish(&mut self, id: Id, rules: Vec<Rule>, is_read_only: bool) {
        let schema = &mut self.schemas[id.0];
        *schema = Schema {
            place: std::mem::take(&mut schema.place),
            rules,
            is_read_only,
            has_read_only: is_read_only,
            is_target: false,
        };
    }

    /// What `keyword` asks for by itself; none where it asks for nothing, or with others together.
    fn check(
        &mut self,
        source: &Source<'_>,
        keyword: &str,
        value: &Value,
        place: &mut PointerBuf,
    ) -> Parsed<Option<(&'static str, Check)>> {
        if let Some((keyword, check)) = by_name(&OF_NUMBERS, keyword) {
            return Ok(Some((keyword, check(source.number(keyword, value)?))));
        }
        if let Some((keyword, check)) = by_name(&OF_COUNTS, keyword) {
            return Ok(Some((keyword, check(source.count(keyword, value)?))));
        }
        if let Some((keyword, check)) = by_name(&OF_SCHEMAS, keyword) {
            return Ok(Some((keyword, check(self.below(value, place, &[keyword])?))));
        }
        if let Some((keyword, check)) = by_name(&OF_LISTS, keyword) {
            return Ok(Some((keyword, check(self.list(source, keyword, value, place)?))));
        }
        Ok(Some(match keyword {
            "type" => ("type", Check::Type(source.types(keyword, value)?)),
            "enum" => ("enum", Check::Enum(source.array(keyword, value, "an array")?.clone())),
            "const" => ("const", Check::Const(value.clone())),
            "multipleOf" => match source.number(keyword, value)? {
                number if number.is_positive() => ("multipleOf", Check::MultipleOf(number)),
                _ => return Err(source.expected(keyword, "a number above 0")),
            },
            "pattern" => {
                let pattern = source.text(keyword, value)?;
                ("pattern", Check::Pattern(source.regex(keyword, pattern)?))
            }
            "format" => {
                let format = Format::of(source.text(keyword, value)?);
                let expected = "`uuid`, `date`, `date-time`, `email` or `uri`";
                let format = format.ok_or_else(|| source.expected(keyword, expected))?;
                ("format", Check::Format(format))
            }
            "uniqueItems" if source.flag(keyword, value)? => ("uniqueItems", Check::UniqueItems),
            "required" => ("required", Check::Required(source.names(keyword, value)?)),
            "dependentRequired" => {
                let mut all = Vec::new();
                for (name, names) in source.object(keyword)?.into_iter().flatten() {
                    all.push((name.clone(), source.names(keyword, names)?));
                }
                ("dependentRequired", Check::DependentRequired(all))
            }
            "$defs" => {
                for (name, definition) in source.object(keyword)?.into_iter().flatten() {
                    self.below(definition, place, &[keyword, name])?;
                }
                return Ok(None);
            }
            "$schema" if *value != DIALECT => {
                return Err(source.expected(keyword, EXPECTED_DIALECT));
            }
            "uniqueItems" | "$schema" => return Ok(None),
            _ if TOGETHER.contains(&keyword) || NOTES.contains(&keyword) => return Ok(None),
            _ => return Err(source.refuse(keyword, RuleProblem::UnknownKeyword)),
        }))
    }

    /// What keywords ask for that mean something only together.
    fn checks_of_several(
        &mut self,
        source: &Source<'_>,
        place: &mut PointerBuf,
    ) -> Parsed<Vec<Rule>> {
        let mut rules = Vec::new();
        let mut add = |keyword, check| rules.push(Rule { keyword, limit: None, check });
        let has = |keyword: &str| source.members.contains_key(keyword);
        if has("properties") || has("patternProperties") || has("additionalProperties") {
            let mut members = Members::default();
            for (name, value) in source.object("properties")?.into_iter().flatten() {
                let id = self.below(value, place, &["properties", name])?;
                members.named.push((name.clone(), id));
            }
            for (pattern, value) in source.object("patternProperties")?.into_iter().flatten() {
                let regex = source.regex("patternProperties", pattern)?;
                let id = self.below(value, place, &["patternProperties", pattern])?;
                members.patterns.push((regex, id));
            }
            match source.members.get("additionalProperties") {
                None => {}
                Some(Value::Bool(false)) => members.is_closed = true,
                Some(value) => {
                    members.others = Some(self.below(value, place, &["additionalProperties"])?);
                }
            }
            add("properties", Check::Members(members));
        }
        if has("prefixItems") || has("items") {
            let first = match source.members.get("prefixItems") {
                Some(list) => self.list(source, "prefixItems", list, place)?,
                None => Vec::new(),
            };
            let others = self.member(source, "items", place)?;
            add("items", Check::Elements { first, others });
        }
        // Without `if` the other two ask for nothing. They still have to be schemas.
        let (then, otherwise) =
            (self.member(source, "then", place)?, self.member(source, "else", place)?);
        if let Some(condition) = self.member(source, "if", place)? {
            add("if", Check::If { condition, then, otherwise });
        }
        Ok(rules)
    }

    /// The schema in the member `keyword`, if there is one.
    fn member(
        &mut self,
        source: &Source<'_>,
        keyword: &str,
        place: &mut PointerBuf,
    ) -> Parsed<Option<Id>> {
        let schema = source.members.get(keyword);
        schema.map(|schema| self.below(schema, place, &[keyword])).transpose()
    }

    /// Parses a schema below the one at `place`, where these tokens lead.
    fn below(&mut self, schema: &Value, place: &mut PointerBuf, tokens: &[&str]) -> Parsed<Id> {
        for token in tokens {
            place.push_back(*token);
        }
        let id = self.schema(schema, place)?;
        for _ in tokens {
            place.pop_back();
        }
        Ok(id)
    }

    fn list(
        &mut self,
        source: &Source<'_>,
        keyword: &str,
        value: &Value,
        place: &mut PointerBuf,
    ) -> Parsed<Vec<Id>> {
        const EXPECTED: &str = "an array of schemas, not empty";
        let mut schemas = Vec::new();
        for (index, schema) in source.array(keyword, value, EXPECTED)?.iter().enumerate() {
            schemas.push(self.below(schema, place, &[keyword, &index.to_string()])?);
        }
        if schemas.is_empty() { Err(source.expected(keyword, EXPECTED)) } else { Ok(schemas) }
    }

    /// Makes rules of the references, as all schemas are known now.
    fn resolve(&mut self) -> Parsed<()> {
        for (id, to) in std::mem::take(&mut self.references) {
            let Some(target) = self.schemas.iter().position(|schema| schema.place == to) else {
                return Err(Box::new(RulesError {
                    pointer: self.schemas[id.0].place.clone(),
                    keyword: Some("$ref".into()),
                    problem: RuleProblem::NoSuchSchema,
                }));
            };
            let rule = Rule { keyword: "$ref", limit: None, check: Check::Ref(Id(target)) };
            self.schemas[target].is_target = true;
            self.schemas[id.0].rules.push(rule);
        }
        Ok(())
    }
}

fn rule(keyword: &'static str, value: &Value, check: Check) -> Rule {
    let mut is_schema = false;
    check.visit(&mut |_, _| is_schema = true);
    let limit = (!is_schema).then(|| {
        let text = value.to_string();
        match text.char_indices().nth(MAX_LIMIT) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    });
    Rule { keyword, limit, check }
}

/// What is not in ECMA-262, whose patterns JSON Schema has, or is something else there.
fn foreign(pattern: &str) -> Option<&'static str> {
    const ESCAPES: [&str; 10] =
        [r"\<", r"\>", r"\A", r"\z", r"\a", r"\b{", r"\B{", r"\x{", r"\u{", r"\U"];
    let mut is_in_class = false;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let begins =
            |starts: &[&'static str]| starts.iter().copied().find(|start| rest.starts_with(start));
        let found = match first {
            '\\' => begins(&ESCAPES),
            '[' if is_in_class => begins(&["[:"]),
            '[' => begins(&["[]", "[^]"]),
            '(' if !is_in_class && begins(&["(?:", "(?<", "(?=", "(?!"]).is_none() => {
                begins(&["(?"])
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        is_in_class = first == '[' || is_in_class && first != ']';
        // What comes after a backslash begins nothing.
        let skipped = if first == '\\' { 2 } else { 1 };
        rest = rest.char_indices().nth(skipped).map_or("", |(end, _)| &rest[end..]);
    }
    None
}

/// The place that a `$ref` leads to: a JSON Pointer as the fragment of a URI (RFC 6901 6).
fn reference(source: &Source<'_>, value: &Value) -> Parsed<PointerBuf> {
    let refuse = || source.expected("$ref", "`#` and a JSON Pointer, as in `#/$defs/name`");
    let fragment = source.text("$ref", value)?.strip_prefix('#').ok_or_else(refuse)?;
    let mut bytes = Vec::new();
    let mut rest = fragment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let byte = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                byte.and_then(|byte| u8::try_from(byte).ok()).ok_or_else(refuse)?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().and_then(|text| PointerBuf::parse(text).ok()).ok_or_else(refuse)
}
