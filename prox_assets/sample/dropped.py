"""The kinds of pages that should go altogether; every line of them is noise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prox_assets.sample.clutter import formula_ruin, related
from prox_assets.sample.pen import Pen


@dataclass(frozen=True, slots=True)
class Junk:
    """How a kind of page to drop is made, and how often it comes; `title` is the rule of its headline."""

    layout: Callable[[Pen], None]
    weight: int
    title: str = "title"


def keywords(pen: Pen) -> None:
    """Search phrases strung together."""
    if pen.happens(0.5):
        pen.clutter("@title")
    joint = pen.chance.pick((", ", " ", " | ", "\n", "\n"))
    for _ in range(pen.chance.between(3, 8)):
        phrases = [pen.voice.say("keyword") for _ in range(pen.chance.between(4, 10))]
        for line in joint.join(phrases).split("\n"):
            pen.junk(line)


def boilerplate(pen: Pen) -> None:
    """A page whose content did not come: messages, forms, notices."""
    pen.clutters("void", 2, 6)
    pen.clutters("access", 0, 3)
    pen.clutters("consent", 0, 3)
    pen.clutters("cookie", 0, 2)


def terms(pen: Pen) -> None:
    """Terms of use, a privacy policy: prose about the site."""
    pen.clutters("policy", 3, 9)
    pen.clutters("legal", 1, 3)
    pen.clutters("cookie", 1, 3)
    pen.clutters("policy", 1, 5)


def machine_log(pen: Pen) -> None:
    """Output that a machine wrote for a machine."""
    rules = pen.chance.pick((("log",), ("dump",), ("log", "dump"), ("code_junk", "dump")))
    for _ in range(pen.chance.between(10, 45)):
        pen.clutter(pen.chance.pick(rules))


def spam(pen: Pen) -> None:
    """Offers that nobody asked for, between stolen sentences."""
    for _ in range(pen.chance.between(6, 20)):
        pen.clutter(pen.chance.weighted({"spam": 6, "keyword": 2, "address": 1, "sentence_cut": 1}))


def directory(pen: Pen) -> None:
    """Titles without their texts."""
    for _ in range(pen.chance.between(8, 30)):
        pen.clutter("listing")
    pen.clutters("pager", 0, 2)


def salad(pen: Pen) -> None:
    """Sentences whose words a spinner has shuffled."""
    for _ in range(pen.chance.between(5, 16)):
        text = " ".join(pen.voice.say("sentence") for _ in range(pen.chance.between(1, 3)))
        words = list(text) if pen.site.language == "zh" else text.split(" ")
        joint = "" if pen.site.language == "zh" else " "
        pen.junk(joint.join(pen.chance.some(words, len(words))))


def stub(pen: Pen) -> None:
    """A headline, half a sentence, and everything but the article."""
    pen.clutter("@title", "stamp")
    pen.junk(pen.voice.say("sentence_cut") + " …")
    pen.clutter("more", "pitch")
    related(pen)
    related(pen)
    pen.clutters("share", 1, 3)


def parked(pen: Pen) -> None:
    """A domain for sale."""
    pen.clutters("parked", 2, 5)
    for _ in range(pen.chance.between(3, 12)):
        pen.clutter("keyword")


def chatter(pen: Pen) -> None:
    """A thread in which nobody says anything."""
    pen.clutter("@title")
    for _ in range(pen.chance.between(5, 12)):
        pen.clutters("post_meta", 1, 3)
        pen.clutter("talk_noise")
        pen.clutters("post_act", 0, 2)


def ruins(pen: Pen) -> None:
    """A paper of which the conversion left no formula whole."""
    for _ in range(pen.chance.between(8, 20)):
        formula_ruin(pen)


DROPPED: Mapping[str, Mapping[str, Junk]] = {
    "web": {
        "keywords": Junk(keywords, 16),
        "boilerplate": Junk(boilerplate, 16),
        "terms": Junk(terms, 10),
        "log": Junk(machine_log, 12),
        "spam": Junk(spam, 16),
        "directory": Junk(directory, 9),
        "salad": Junk(salad, 8),
        "stub": Junk(stub, 6),
        "parked": Junk(parked, 4),
        "chatter": Junk(chatter, 3, "ask_title"),
    },
    "math": {
        "keywords": Junk(keywords, 14),
        "boilerplate": Junk(boilerplate, 18),
        "log": Junk(machine_log, 18),
        "spam": Junk(spam, 10),
        "directory": Junk(directory, 10),
        "salad": Junk(salad, 10),
        "ruins": Junk(ruins, 16),
        "chatter": Junk(chatter, 4, "ask_title"),
    },
}
"""The kinds of each domain that should be dropped, and how often they come."""
