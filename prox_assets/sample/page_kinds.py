"""The kinds of pages: those worth keeping, and those that a refiner should drop.

Each function writes content through the pen and calls `gap` where a site may put something of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prox_assets.sample.page_writer import Pen, byline, comments, formula_ruin, related

Gap = Callable[[], None]
Layout = Callable[[Pen, Gap, int], None]


@dataclass(frozen=True, slots=True)
class PageKind:
    """How a kind of page is laid out, the rule of its title, and how often it comes."""

    layout: Layout
    title: str
    weight: int


def article(pen: Pen, gap: Gap, size: int) -> None:
    """Title, lead, sections of paragraphs, sometimes comments."""
    pen.write("@title")
    byline(pen)
    pen.paragraph(1, 1, "lead")
    for _ in range(pen.chance.between(2, 5) * size):
        gap()
        if pen.happens(0.5):
            pen.heading()
        _body(pen, 2, 5)
    if pen.happens(0.3):
        comments(pen)


def forum(pen: Pen, gap: Gap, size: int) -> None:
    """A thread: posts between the chrome of the board."""
    pen.write("@title")
    for number in range(pen.chance.between(3, 7) * size):
        pen.clutters("post_meta", 1, 2)
        if number == 0:
            pen.paragraph(1, 1, "ask")
            _quoted_output(pen)
        elif short := pen.happens(0.55):
            pen.write("reply")
        if pen.happens(0.45) or not (number == 0 or short):
            pen.paragraph(1, 3)
        if pen.happens(0.45):
            pen.clutters("post_act", 1, 2)
        if pen.happens(0.15):
            pen.clutter("post_sig")
        gap()


def product(pen: Pen, gap: Gap, size: int) -> None:
    """A shop page: description, specification, reviews."""
    pen.write("@title")
    pen.clutters("shop", 1, 3)
    pen.paragraph(1, 2, "description")
    pen.writes("spec", 3, 7)
    gap()
    for _ in range(size):
        _body(pen, 3, 5)
    pen.clutters("shop", 0, 2)
    for _ in range(pen.chance.between(0, 4) * size):
        if pen.happens(0.7):
            pen.clutters("talk_meta", 1, 1)
        pen.write("review")
    gap()


def recipe(pen: Pen, gap: Gap, size: int) -> None:
    """A dish: a story, ingredients, steps."""
    pen.write("@title")
    pen.clutters("recipe_ui", 1, 2)
    byline(pen)
    pen.paragraph(1, 1, "recipe_note")
    gap()
    pen.writes("ingredient", 4, 9)
    gap()
    for _ in range(pen.chance.between(3, 6) * size):
        pen.write("step")
    pen.writes("recipe_note", 0, 2)
    pen.clutters("recipe_ui", 0, 1)
    if pen.happens(0.4):
        comments(pen)


def questions(pen: Pen, gap: Gap, size: int) -> None:
    """One question, its answers, the counters of the site."""
    pen.write("@title")
    pen.clutters("vote", 1, 2)
    pen.paragraph(1, 1, "ask")
    _quoted_output(pen)
    for _ in range(pen.chance.between(2, 4) * size):
        gap()
        pen.clutters("vote", 1, 2)
        pen.write("reply")
        _body(pen, 1, 3)


def lecture(pen: Pen, gap: Gap, size: int) -> None:
    """Notes of a course: remarks, statements, exercises."""
    pen.write("@title")
    if pen.happens(0.5):
        byline(pen)
    pen.paragraph(1, 1, "lead")
    for _ in range(pen.chance.between(3, 5) * size):
        gap()
        pen.heading()
        pen.writes("bullet_note", 1, 3)
        _body(pen, 2, 3)


def reference(pen: Pen, gap: Gap, size: int) -> None:
    """An encyclopedic page: entries and lists."""
    pen.heading("@title")
    pen.paragraph(1, 1, "lead")
    for _ in range(pen.chance.between(2, 4) * size):
        gap()
        pen.heading()
        pen.writes("entry", 2, 5)
        _body(pen, 1, 3)


def _body(pen: Pen, low: int, high: int) -> None:
    for _ in range(pen.chance.between(low, high)):
        what = pen.chance.weighted(
            {"prose": 12, "list": 4, "lookalike": 3, "formula": pen.knows("formula") * 5}
        )
        if what == "prose":
            pen.paragraph()
        elif what == "list":
            _list(pen)
        else:
            pen.write(what)


def _list(pen: Pen) -> None:
    mark = pen.chance.pick(("", "", "- ", "• ", "* "))
    for _ in range(pen.chance.between(2, 4)):
        pen.clean(mark + pen.voice.say("item"))


def _quoted_output(pen: Pen) -> None:
    if pen.happens(0.05):
        pen.writes("log", 1, 3)


KINDS: Mapping[str, Mapping[str, PageKind]] = {
    "web": {
        "article": PageKind(article, "title", 30),
        "forum": PageKind(forum, "ask_title", 15),
        "product": PageKind(product, "product_title", 14),
        "recipe": PageKind(recipe, "dish", 13),
        "qa": PageKind(questions, "ask_title", 11),
        "lecture": PageKind(lecture, "title", 7),
        "reference": PageKind(reference, "title", 10),
    },
    "math": {
        "lecture": PageKind(lecture, "title", 32),
        "qa": PageKind(questions, "ask_title", 28),
        "reference": PageKind(reference, "title", 20),
        "forum": PageKind(forum, "ask_title", 20),
    },
}
"""The kinds of each domain: how they are written and how often they come."""


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
