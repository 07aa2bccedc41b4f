"""What sites put around and between the content of a page; of these lines only some comments are clean."""

from collections.abc import Callable, Mapping

from prox_assets.sample.mojibake import misread
from prox_assets.sample.pen import Pen


def related(pen: Pen) -> None:
    """Links to other pages: a heading and titles or first sentences, some of them cut."""
    if pen.happens(0.8):
        pen.clutter("related")
    pen.clutters("teaser", 1, 4)
    if pen.happens(0.2):
        pen.clutter("more")


def pitch(pen: Pen) -> None:
    """A call to subscribe or to pay, which reads like prose."""
    pen.clutter("pitch")
    if pen.happens(0.3):
        pen.clutter("consent")


def advert(pen: Pen) -> None:
    """An advertisement mark, or two."""
    pen.clutters("ad", 1, 2)


def media(pen: Pen) -> None:
    """What is left of pictures and players."""
    pen.clutters("media", 1, 2)


def shares(pen: Pen) -> None:
    """Share buttons and counters."""
    pen.clutters("share", 1, 3)
    if pen.happens(0.4):
        pen.clutter("counter")


def stub(pen: Pen) -> None:
    """The beginning of another article."""
    pen.clutter("teaser", "more")


def script(pen: Pen) -> None:
    """Code that the extractor took for text."""
    pen.clutters("code_junk", 1, 2)


def link(pen: Pen) -> None:
    """A bare address."""
    pen.clutter("address")


def formula_ruin(pen: Pen) -> None:
    """Formulas that did not survive, messages of the typesetter, and misread bytes."""
    kind = pen.chance.weighted({"broken": 5, "mathui": 4, "misread": 3})
    if kind == "misread":
        pen.junk(misread(pen.voice.say("symbols")))
    else:
        pen.clutters(kind, 1, 2)


BLOCKS: Mapping[str, Mapping[Callable[[Pen], None], int]] = {
    "web": {related: 4, pitch: 3, advert: 3, media: 3, shares: 2, stub: 2, script: 1, link: 1},
    "math": {formula_ruin: 9, related: 3, pitch: 2, advert: 1, shares: 1, stub: 1, link: 1},
}
"""Blocks that may stand between sections, with their weights, by domain."""


def byline(pen: Pen) -> None:
    """Who, when, shared how often."""
    for rule, probability in {"byline": 0.6, "stamp": 0.65, "counter": 0.25}.items():
        if pen.happens(probability):
            pen.clutter(rule)
    if pen.happens(0.25):
        pen.clutters("share", 1, 3)


def tail(pen: Pen, domain: str) -> None:
    """What follows the content, before the footer."""
    for rule, probability in {"tags": 0.35, "bio": 0.25, "pager": 0.3}.items():
        if pen.happens(probability):
            pen.clutter(rule)
    for _ in range(pen.chance.between(0, 2)):
        pen.chance.weighted(BLOCKS[domain])(pen)


def comments(pen: Pen) -> None:
    """A comment section: its chrome and empty praise are noise, comments on the subject are clean."""
    pen.clutter("talk_head")
    for _ in range(pen.chance.between(0, 4)):
        pen.clutters("talk_meta", 1, 2)
        if pen.happens(0.4):
            pen.clutter("talk_noise")
        else:
            pen.write(pen.chance.pick(("reply", "sentence")))
    if pen.happens(0.6):
        pen.clutters("talk_form", 1, 3)
