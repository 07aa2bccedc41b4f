"""The pen that writes one page line by line and notes the truth of each."""

from prox_assets.sample.sites import Site, several
from prox_assets.sample.voice import Chance, Voice


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
