"""Generated pages and their truth: which site, which kind, the site's own lines around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from prox_assets.sample.grammar import (
    SITES_PER_SET,
    TEMPLATE_SETS,
    Chance,
    GrammarError,
    Site,
    Voice,
    build_site,
    load_grammar,
)
from prox_assets.sample.page_kinds import DROPPED, KINDS
from prox_assets.sample.page_writer import BLOCKS, Pen, tail


@dataclass(frozen=True, slots=True)
class SamplePage:
    """A page as an extractor would leave it, with what the generator knows about each line.

    `is_noise` has one flag per line. `spans` are (line, start, stop): characters inside a clean line that
    are noise, as half-open offsets in that line. Every line of a page that should be dropped is noise.
    """

    doc_id: str
    url: str
    source: str
    language: str
    page_kind: str
    templates: str
    lines: tuple[str, ...]
    is_noise: tuple[bool, ...]
    spans: tuple[tuple[int, int, int], ...]
    keep: bool

    @property
    def text(self) -> str:
        """The document as it stands in a shard."""
        return "\n".join(self.lines)


DOMAINS = tuple(KINDS)
DROP_RATE = 0.28
LONG_RATE = 0.025
"""The share of pages that are several times as long as the others."""


def generate_pages(domain: str, count: int, seed: int, templates: str) -> Iterator[SamplePage]:
    """Pages 0 to `count` of that domain and template set ("train" or "eval"), the same everywhere.

    A longer run begins with the shorter one. Raises GrammarError for a domain or set that does not exist.
    """
    if domain not in DOMAINS or templates not in TEMPLATE_SETS:
        raise GrammarError(
            f"The embedded corpus has no pages of domain {domain!r} with templates {templates!r}: "
            f"choose a domain of {DOMAINS} and a set of {TEMPLATE_SETS}."
        )
    for index in range(count):
        yield _page(domain, templates, seed, index)


def _page(domain: str, templates: str, seed: int, index: int) -> SamplePage:
    chance = Chance("page", domain, templates, seed, index)
    site = _site(domain, templates, seed, int(SITES_PER_SET * chance.unit() ** 1.7))
    keep = not chance.happens(DROP_RATE)
    kinds = KINDS[domain] if keep else DROPPED[domain]
    kind = chance.weighted({name: kind.weight for name, kind in kinds.items()})
    pen = Pen(site, _voice(domain, templates, site, chance, kinds[kind].title))
    if keep:
        _kept(pen, domain, kind)
    else:
        _dropped(pen, domain, kind)
    doc_id = sha256(f"{domain}/{templates}/{seed}/{index}".encode()).hexdigest()[:16]
    return SamplePage(
        doc_id=doc_id,
        url=f"https://{site.host}/{pen.voice.say('word_slug')}/{doc_id[:6]}",
        source=site.name,
        language=site.language,
        page_kind=kind,
        templates=templates,
        lines=tuple(pen.lines),
        is_noise=tuple(pen.noise),
        spans=tuple(pen.spans),
        keep=keep,
    )


_site = lru_cache(maxsize=4096)(build_site)


def _voice(domain: str, templates: str, site: Site, chance: Chance, title: str) -> Voice:
    grammar = load_grammar(domain, site.language, templates)
    topic = grammar.topics[chance.pick(site.topics)]
    voice = Voice(grammar.rules, chance, {}).over({**topic, **site.habits}, site.fixed)
    letters = {rule: voice.say(rule) for rule in ("v", "w") if rule in grammar.rules}
    voice = voice.over({}, letters)
    return voice.over({}, {"@title": voice.say(title)})


def _kept(pen: Pen, domain: str, kind: str) -> None:
    chance = pen.chance
    size = chance.between(4, 9) if chance.happens(LONG_RATE) else 1
    rate = pen.site.gap_rate

    def gap() -> None:
        if chance.happens(rate):
            chance.weighted(BLOCKS[domain])(pen)

    _lines(pen, pen.site.head, 0.6)
    if chance.happens(0.3):
        pen.clutter("crumb")
    KINDS[domain][kind].layout(pen, gap, size)
    if chance.happens(0.65):
        tail(pen, domain)
    _lines(pen, pen.site.foot, 0.65)


def _dropped(pen: Pen, domain: str, kind: str) -> None:
    _lines(pen, pen.site.head, 0.45)
    DROPPED[domain][kind].layout(pen)
    _lines(pen, pen.site.foot, 0.45)


def _lines(pen: Pen, lines: tuple[str, ...], probability: float) -> None:
    if pen.happens(probability):
        for line in lines:
            pen.junk(line)
