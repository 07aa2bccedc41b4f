"""The grammar files beside this module: rules and topics by language, domain and template set.

A file holds rules: a line `= rule` opens one and replaces what an earlier file said, `+ rule` adds to it; the
indented lines below are its templates, or `= rule: a; b; c` gives them in one line. A line `* topic` opens a
topic, whose rules are laid over the others on the pages that are about it. `#` starts a comment line.
Files named `words` hold single words and names and are shared; all others belong to one template set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from prox_assets.sample.grammar import GrammarError, Rules, Template, parse_template

FOLDER = Path(__file__).parent / "grammars"
TEMPLATE_SETS = ("train", "eval")
LANGUAGES = ("en", "de", "zh")


@dataclass(slots=True)
class RuleFile:
    """The parsed text of one file: templates by rule, rules that add to earlier ones, topics."""

    rules: dict[str, list[str]] = field(default_factory=dict)
    adding: set[str] = field(default_factory=set)
    topics: dict[str, dict[str, list[str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grammar:
    """All rules for the pages of one domain, language and template set, and the topics to lay over them."""

    rules: Rules
    topics: Mapping[str, Rules]


def file_names(domain: str, language: str, templates: str) -> tuple[str, ...]:
    """The files that make a grammar, general ones first."""
    names = ["any.words", f"{language}.words", f"any.{templates}", f"{language}.{templates}"]
    if domain == "math":
        return (*names, f"math.{templates}", f"{language}.math.{templates}")
    return (*names, f"{language}.topics.{templates}")


@cache
def load_grammar(domain: str, language: str, templates: str) -> Grammar:
    """Merge the files of a domain, language and template set. Raises GrammarError on a malformed file."""
    merged: dict[str, list[str]] = {}
    topics: dict[str, dict[str, list[str]]] = {}
    for name in file_names(domain, language, templates):
        part = read_rules(name)
        for rule, texts in part.rules.items():
            merged[rule] = [*merged.get(rule, []), *texts] if rule in part.adding else texts
        topics.update(part.topics)
    return Grammar(_parsed(merged), {name: _parsed(rules) for name, rules in topics.items()})


@cache
def read_rules(name: str) -> RuleFile:
    """Parse the file of that name (without `.txt`)."""
    return parse_rules((FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n"), name)


def parse_rules(lines: Iterable[str], name: str) -> RuleFile:
    """Parse the lines of a grammar file; `name` is for the error message."""
    parsed = RuleFile()
    scope, current = parsed.rules, None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("  ") and current is not None:
            current.append(line.strip())
        elif line.startswith("* "):
            scope, current = parsed.topics.setdefault(line[2:].strip(), {}), None
        elif line.startswith(("= ", "+ ")):
            current = _open_rule(line, scope, parsed)
        else:
            raise GrammarError(f"{name}.txt, line {number}: {line!r} is no rule, topic, template or comment.")
    return parsed


def _open_rule(line: str, scope: dict[str, list[str]], parsed: RuleFile) -> list[str]:
    rule, _, inline = line[2:].partition(":")
    if line.startswith("+ "):
        parsed.adding.add(rule.strip())
    templates = scope.setdefault(rule.strip(), [])
    templates.extend(text.strip() for text in inline.split(";") if text.strip())
    return templates


def _parsed(rules: Mapping[str, list[str]]) -> dict[str, tuple[Template, ...]]:
    return {rule: tuple(parse_template(text) for text in texts) for rule, texts in rules.items()}
