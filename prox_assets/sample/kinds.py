"""The kinds of pages worth keeping: how the content of each is laid out.

Each function writes content through the pen and calls `gap` where a site may put something of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prox_assets.sample.clutter import byline, comments
from prox_assets.sample.pen import Pen

Gap = Callable[[], None]
Layout = Callable[[Pen, Gap, int], None]


@dataclass(frozen=True, slots=True)
class Kind:
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


KINDS: Mapping[str, Mapping[str, Kind]] = {
    "web": {
        "article": Kind(article, "title", 30),
        "forum": Kind(forum, "ask_title", 15),
        "product": Kind(product, "product_title", 14),
        "recipe": Kind(recipe, "dish", 13),
        "qa": Kind(questions, "ask_title", 11),
        "lecture": Kind(lecture, "title", 7),
        "reference": Kind(reference, "title", 10),
    },
    "math": {
        "lecture": Kind(lecture, "title", 32),
        "qa": Kind(questions, "ask_title", 28),
        "reference": Kind(reference, "title", 20),
        "forum": Kind(forum, "ask_title", 20),
    },
}
"""The kinds of each domain: how they are written and how often they come."""
