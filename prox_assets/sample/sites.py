"""Invented web sites: each has a name, a language, topics, and chrome that its pages share."""

from collections.abc import Mapping
from dataclasses import dataclass

from prox_assets.sample.grammar import Chance, Rules, Voice, load_grammar

LANGUAGE_WEIGHTS: dict[str, dict[str, int]] = {
    "web": {"en": 55, "de": 25, "zh": 20},
    "math": {"en": 76, "de": 13, "zh": 11},
}
"""Languages of the sites, by domain. A new domain of the sample needs its row here."""

SITES_PER_SET = 400
HABITS = (
    *("separator", "bullet", "crumb", "byline", "stamp", "counter", "related", "more", "talk_head"),
    *("talk_form", "tags", "bio", "pager", "heading_mark", "post_sig"),
)
"""Rules of which a site uses one template only; of all others it uses what comes."""


@dataclass(frozen=True, slots=True)
class Site:
    """One site. `head` and `foot` are the lines around its pages; rates are probabilities a place."""

    name: str
    host: str
    language: str
    topics: tuple[str, ...]
    habits: Rules
    fixed: Mapping[str, str]
    head: tuple[str, ...]
    foot: tuple[str, ...]
    gap_rate: float
    inline_rate: float
    marks_headings: bool


def build_site(domain: str, templates: str, seed: int, index: int) -> Site:
    """The site of that number; a pure function of its arguments."""
    chance = Chance("site", domain, templates, seed, index)
    language = chance.weighted(LANGUAGE_WEIGHTS[domain])
    grammar = load_grammar(domain, language, templates)
    topics = tuple(chance.some(sorted(grammar.topics), chance.between(1, 3)))
    habits = {rule: (chance.pick(grammar.rules[rule]),) for rule in HABITS}
    bare = Voice(grammar.rules, chance, {}).over({**grammar.topics[topics[0]], **habits}, {})
    host = bare.say("host")
    fixed = {"@site": bare.say("site_name"), "@host": host, "@home_label": bare.say("home"), "@title": ""}
    voice = bare.over({}, fixed)
    return Site(
        name=fixed["@site"],
        host=host,
        language=language,
        topics=topics,
        habits=habits,
        fixed=fixed,
        head=tuple(_head(voice)),
        foot=tuple(_foot(voice)),
        gap_rate=chance.pick((0.05, 0.15, 0.25, 0.4)),
        inline_rate=chance.pick((0.0, 0.02, 0.06, 0.14)),
        marks_headings=chance.happens(0.25),
    )


def several(voice: Voice, rule: str, low: int, high: int) -> list[str]:
    """Between `low` and `high` texts of a rule, each different from the others."""
    count = voice.chance.between(low, high)
    return list(dict.fromkeys(voice.say(rule) for _ in range(count)))


def _head(voice: Voice) -> list[str]:
    chance = voice.chance
    blocks = [several(voice, "access", 0, 2), _menu(voice, 3, 8)]
    if chance.happens(0.5):
        blocks.append([voice.say("cookie"), *several(voice, "consent", 0, 3)])
    if chance.happens(0.3):
        blocks.append([voice.fixed["@site"]])
    return [line for block in chance.some(blocks, len(blocks)) for line in block]


def _foot(voice: Voice) -> list[str]:
    chance = voice.chance
    blocks = [several(voice, "foot", 1, 3)]
    for rule, probability in {
        "legal": 0.4,
        "pitch": 0.25,
        "cookie": 0.2,
        "consent": 0.1,
        "share": 0.2,
    }.items():
        if chance.happens(probability):
            blocks.append([voice.say(rule)])
    if chance.happens(0.3):
        blocks.append(_menu(voice, 3, 6))
    return [line for block in chance.some(blocks, len(blocks)) for line in block]


def _menu(voice: Voice, low: int, high: int) -> list[str]:
    chance = voice.chance
    labels = several(voice, "menu", low, high)
    case = chance.weighted({"as written": 6, "upper": 2, "lower": 1})
    labels = [{"upper": label.upper(), "lower": label.lower()}.get(case, label) for label in labels]
    style = chance.weighted({"lines": 4, "row": 5, "bullets": 2, "spaces": 1})
    if style == "row":
        return [f" {voice.say('separator')} ".join(labels)]
    if style == "spaces":
        return [" ".join(labels)]
    bullet = voice.say("bullet")
    return [f"{bullet} {label}" for label in labels] if style == "bullets" else labels
