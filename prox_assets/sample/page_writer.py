"""Write one page line by line with the truth of each, and the boilerplate around its content."""

from collections.abc import Callable, Mapping

from prox_assets.sample.grammar import Chance, Site, Voice, several


def misread(text: str) -> str:
    """UTF-8 bytes read as Windows-1252, the commonest accident; bytes it lacks become U+FFFD."""
    return text.encode("utf-8").decode("cp1252", errors="replace")


class Pen:
    """Writes lines in a site's voice; `lines`, `noise` and `spans` are the page so far."""

    def __init__(self, site: Site, voice: Voice) -> None:
        self.site = site
        self.voice = voice
        self.lines: list[str] = []
        self.noise: list[bool] = []
        self.spans: list[tuple[int, int, int]] = []

    @property
    def chance(self) -> Chance:
        """The page's source of chance."""
        return self.voice.chance

    def happens(self, probability: float) -> bool:
        """True with that probability."""
        return self.chance.happens(probability)

    def knows(self, rule: str) -> bool:
        """Whether this page's grammar has the rule."""
        return rule in self.voice.rules

    def clutter(self, *rules: str) -> None:
        """One noise line for each rule."""
        for rule in rules:
            self.junk(self.voice.say(rule))

    def clutters(self, rule: str, low: int, high: int) -> None:
        """Between `low` and `high` different noise lines of a rule."""
        for text in several(self.voice, rule, low, high):
            self.junk(text)

    def junk(self, text: str) -> None:
        """A noise line."""
        self.lines.append(text)
        self.noise.append(True)

    def write(self, rule: str) -> None:
        """A clean line that the page does not have yet, unless the rule has nothing else to say."""
        for _ in range(4):
            if (text := self.voice.say(rule)) not in self.lines:
                break
        self.clean(text)

    def writes(self, rule: str, low: int, high: int) -> None:
        """Between `low` and `high` different clean lines of a rule."""
        for text in several(self.voice, rule, low, high):
            self.clean(text)

    def clean(self, text: str, mark: str | None = None) -> None:
        """A clean line; a `mark` is appended as an inline noise span."""
        if mark is not None:
            text, start, stop = _insert(text, len(text), f" {mark}")
            self.spans.append((len(self.lines), start, stop))
        self.lines.append(text)
        self.noise.append(False)

    def heading(self, rule: str = "heading") -> None:
        """A clean heading; sites that mark their headings leave the mark in the line."""
        self.clean(self.voice.say(rule), self.voice.say("heading_mark") if self.site.marks_headings else None)

    def paragraph(self, low: int = 1, high: int = 4, rule: str = "sentence") -> None:
        """Sentences on one clean line, at the site's rate with a noise span in, before or after them."""
        joint = "" if self.site.language == "zh" else " "
        sentences = several(self.voice, rule, low, high)
        text = joint.join(sentences)
        if self.happens(self.site.inline_rate):
            text, start, stop = self._with_noise(text, sentences, joint)
            self.spans.append((len(self.lines), start, stop))
        self.lines.append(text)
        self.noise.append(False)

    def _with_noise(self, text: str, sentences: list[str], joint: str) -> tuple[str, int, int]:
        place = self.chance.weighted({"end": 5, "front": 2, "middle": 3})
        if place == "front":
            return _insert(text, 0, self.voice.say("inline_front") + " ")
        noise = " " + self.voice.say("inline")
        if place == "end" or len(sentences) == 1:
            return _insert(text, len(text), noise)
        return _insert(text, len(joint.join(sentences[:-1])), noise)


def _insert(text: str, at: int, noise: str) -> tuple[str, int, int]:
    return text[:at] + noise + text[at:], at, at + len(noise)


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
