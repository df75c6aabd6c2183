#!/usr/bin/env python3
"""Makes edits.json: documents before and after a few edits, with the JSON Patches of three libraries.

    pip install jsonpatch
    npm install fast-json-patch rfc6902
    benches/edits.py --node-modules node_modules

`random` has random documents and edits, `form` has settings that a person edits in a form. Every
patch leads to `after`. The same versions of the libraries make the same file again.
"""

import argparse
import copy
import json
import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import jsonpatch

CASES, SPARE = 300, 60  # The spare ones replace those where a library's patch is wrong.
NODE = """
const [modules, cases] = process.argv.slice(1);
const { compare } = require(modules + "/fast-json-patch");
const { createPatch } = require(modules + "/rfc6902");
const patches = ({ before, after }) => [compare(before, after), createPatch(before, after)];
console.log(JSON.stringify(require(cases).map(patches)));
"""
COMMON = ["member changed", "member added", "member removed", "element changed", "element removed"]
KINDS = {"random": [*COMMON, "member moved", "element inserted"],
         "form": [*COMMON, "element appended", "element reordered"]}

# Member names of random documents, one in eight an odd one; also their strings.
NAMES = """a b c d e f g h i j k l m n o p q r s t u v w x y z id tag name size kind list note city code
    user value data type unit rate day text mode path sum area role plan 0 1 2024 - a.b ~/ 01""".split()

# A form by what it holds: a field, a "choice|of|words", an object, or a [list of, at most].
# In an object, "name?" may be missing, and "$a b" is a map that may have these names.
FIELDS = {
    "bool": lambda rng: rng.random() < 0.5,
    "count": lambda rng: rng.randint(0, 100),
    "price": lambda rng: round(rng.randint(0, 90) + rng.choice([0.25, 0.5, 0.9, 0.95]), 2),
    "time": lambda rng: f"{rng.randint(7, 21):02}:{rng.choice(['00', '15', '30'])}",
    "date": lambda rng: f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
    "color": lambda rng: f"#{rng.randrange(1 << 24):06x}",
    "mail": lambda rng: f"{rng.choice(PERSON.split('|')).lower()}@example.com",
}
PERSON = "Ada|Ben|Cleo|Dana|Emil|Fay|Gus|Hana|Ivo|Jana|Kai|Lea|Mio|Nora|Otto|Pia|Rosa|Tom"
CITY = "Aachen|Bern|Como|Essen|Faro|Genf|Halle|Jena|Köln|Linz|Mainz|Nice|Oulu|Porto|Riga|Trier|Ulm"
TAG = "new|sale|vegan|local|large|small|summer|winter|gift|spare|organic|indoor|kids|basic|deluxe|eco"
YEARS, POSTCODES = "$2022 2023 2024 2025 2026", "$01067 10115 20095 50667 70173 80331"
FORMS = [
    {"zone": "Berlin|Paris|Rome", "closed": ["date", 12], "note?": TAG,
     "week": {"$mon tue wed thu fri sat": [{"from": "time", "to": "time"}, 2]}},
    {"mail": {"on": "bool", "to": "mail", "digest?": "daily|weekly"}, "watched": [TAG, 12],
     "push": {"on": "bool", "quiet?": {"from": "time", "to": "time"}}, "muted": [PERSON, 8]},
    {"zones": {POSTCODES: {"fee": "price", "freeFrom?": "count"}}, "excluded": [CITY, 12]},
    {"flags": {"$search chat wishlist reviews": {"on": "bool", "share?": "count"}},
     "testers": ["mail", 8], "rules": [{"flag": TAG, "share": "count"}, 8], "updated?": "date"},
    {"colors": {"main": "color", "accent?": "color", "link?": "color"}, "palette": ["color", 12],
     "font": {"name": "Inter|Lato|Karla", "size": "count"}, "menu": [{"label": TAG, "on": "bool"}, 8]},
    {"persons": [{"name": PERSON, "mail": "mail"}, 8], "office": {"city": CITY, "opens?": "time"}},
    {"years": {YEARS: {"net": "price", "vat": "count"}}, "tiers": [{"from": "count", "off": "count"}, 9]},
    {"sender": {"name": PERSON, "replyTo?": "mail"}, "mails": [{"days": "count", "subject": TAG}, 12]},
    {"budget": {YEARS: {"limit": "count", "spent?": "price"}},
     "watchers": [PERSON, 12], "steps": [{"above": "count", "by": [PERSON, 4]}, 6]},
    {"title": TAG, "price": {"net": "price", "sale?": "price"}, "weight?": "price",
     "variants": [{"color": "color", "stock": "count"}, 8], "tags": [TAG, 12]},
]


def text(value, sort_keys=False):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def same(one, other):  # To Python's ==, 1 would be true.
    return text(one, sort_keys=True) == text(other, sort_keys=True)


def members(form):
    """The members an object may have: name -> (what it holds, whether it may be missing)."""
    if form is None:
        return {name: (None, True) for name in NAMES}
    if (first := next(iter(form)))[0] == "$":
        return {name: (form[first], True) for name in first[1:].split()}
    return {key.rstrip("?"): (each, key[-1] == "?") for key, each in form.items()}


def filled(form, rng, level=0, taken=()):
    """A value as this form makes it, but none of those taken; without a form, any value."""
    if form is None:
        if level > 3 or level > 0 and rng.random() < 0.55:
            number = rng.randint(-9, 99)
            return rng.choice([number, number + 0.5, number > 40, None, *rng.sample(NAMES, 2)])
        if level > 0 and rng.random() < 0.5:
            return [filled(None, rng, level + 1) for _ in range(rng.randint(0, 4))]
        names = rng.choices(NAMES, k=rng.randint(0, 3) if level > 0 else rng.randint(1, 5))
        return {name: filled(None, rng, level + 1) for name in names}
    if isinstance(form, dict):
        value = {name: filled(each, rng) for name, (each, optional) in members(form).items()
                 if not optional or rng.random() < 0.45}
    elif isinstance(form, list):
        value = []
        for _ in range(min(rng.randint(0, form[1]), rng.randint(0, form[1]))):
            value.append(filled(form[0], rng, taken=value))
    else:
        value = FIELDS[form](rng) if form in FIELDS else rng.choice(form.split("|"))
    return filled(form, rng, taken=taken) if value in taken else value


def places(value, form, kind, level=0, in_list=False):
    """Where an edit of this kind may be: the object or array, the key, the form there, the level."""
    what, verb = kind.split()
    if isinstance(value, list):
        element, end = form and form[0], len(value) + {"inserted": 1, "reordered": -1}.get(verb, 0)
        for index in [end] if verb == "appended" else range(end) if what == "element" else []:
            yield value, index, element, level
        for each in value:
            yield from places(each, element, kind, level + 1, form is not None)
    elif isinstance(value, dict):
        for name, (each, optional) in members(form).items():
            fits = {"removed": optional, "changed": not isinstance(each, (dict, list))}.get(verb, True)
            # To change a member in a form's list is to change the element.
            fits = fits and what == "member" and not in_list
            if fits and (name in value) != (verb == "added"):
                yield value, name, each, level
            yield from places(value.get(name), each, kind, level + 1, in_list)


def edit(root, form, kind, rng):
    """Makes an edit of this kind, and answers whether there was a place for one."""
    if not (found := list(places(root, form, kind))):
        return False
    (value, key, each, level), (what, verb) = rng.choice(found), kind.split()
    if kind == "element changed" and isinstance(each, dict):
        return edit(value[key], each, "member changed", rng)
    if verb == "reordered":
        value[key], value[key + 1] = value[key + 1], value[key]
    elif verb in ("inserted", "appended"):
        value.insert(key, filled(each, rng, level + 1, value))
    elif verb in ("changed", "added"):
        value[key] = filled(each, rng, level + 1, value if what == "element" else [value.get(key)])
    else:
        removed = value.pop(key)
        if verb == "moved":
            target, name, *_ = rng.choice(list(places(root, form, "member added")))
            target[name] = removed
    return True


def case(section, rng):
    """A document and its edits. Their kinds are drawn first, so that all are equally likely."""
    kinds = rng.choices(KINDS[section], k=rng.randint(1, 4 if section == "random" else 3))
    while True:
        form = rng.choice(FORMS) if section == "form" else None
        states = [filled(form, rng)]
        for kind in kinds:
            *earlier, after = states = [*states, copy.deepcopy(states[-1])]
            # No edit may undo those before it.
            if not edit(after, form, kind, rng) or any(same(after, each) for each in earlier):
                break
        else:
            return {"before": states[0], "after": after, "does": ", ".join(kinds)}


def leads(before, patch, after):
    try:
        return same(jsonpatch.apply_patch(before, text(patch)), after)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException):
        return False


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--node-modules", type=Path, required=True, metavar="DIR")
modules = parser.parse_args().node_modules.resolve()
versions = {"jsonpatch": jsonpatch.__version__}
for name in ("fast-json-patch", "rfc6902"):
    versions[name] = json.loads((modules / name / "package.json").read_bytes())["version"]
rng = random.Random(6902)
drawn = [(section, case(section, rng)) for section in KINDS for _ in range(CASES + SPARE)]
with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
    print(text([each for _, each in drawn]), file=file, flush=True)
    by_node = json.loads(subprocess.check_output(["node", "-e", NODE, modules, file.name]))
lines, counts = {section: [] for section in KINDS}, Counter()
for (section, each), patches in zip(drawn, by_node):
    before, after, does = each["before"], each["after"], each.pop("does")
    by_name = dict(zip(versions, [jsonpatch.make_patch(before, after).patch, *patches]))
    wrong = [name for name, patch in by_name.items() if not leads(before, patch, after)]
    counts.update(f"wrong: {name}" for name in wrong)
    if not wrong and len(lines[section]) < CASES:
        lines[section].append(text(each | by_name | ({"does": does} if section == "form" else {})))
        counts.update(f"{section}: {kind}" for kind in does.split(", "))
assert all(len(kept) == CASES for kept in lines.values()), f"too few cases: {counts}"
parts = [f'"libraries":{text(versions)}']
parts += [f'"{section}":[\n' + ",\n".join(kept) + "\n]" for section, kept in lines.items()]
Path(__file__).with_suffix(".json").write_text("{" + ",\n".join(parts) + "}\n", encoding="utf-8")
print(*(f"{what} {count}" for what, count in sorted(counts.items())), sep="\n")
