"""Line rules: what each published signal says of a line, as evidence for noise (+) or content (-).

Weights are in log-odds, rounded to tenths. Where a paper gives a threshold it is used; papers give no
weights, so those were set by hand with people's line labels in view (figures in docs/teachers.md).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prox_assets.languages import SENTENCE_END, Lexicon, latin_width, marks_sentence_ends, n_words, words_of
from prox_assets.teacher.rules.blocks import BlockKind

URL = re.compile(r"(?:https?://|www\.)\S+|\b[\w.-]+\.(?:com|org|net|de|cn|html?|php)(?:/\S*)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,:/]\d+)*")
_VISIBLE = re.compile(r"\S")
_DIGIT = re.compile(r"\d")
# A line of that width before one in lower case is a text that was wrapped at a column.
_WRAPPED_WIDTH = 50


@dataclass(frozen=True, slots=True)
class MeasuredLine:
    """A line and its measures; `width` in Latin-equivalent characters, `n_words` in words, numbers included.

    `ends_sentence` is None where the line's script has no mark for that or its sentence goes on in the next
    line, `stop_density` where no stop-word list applies: rules that go by them abstain. `repeats` is how
    often the line stands in its document, `document_share` the share of the source's documents that hold it
    (0 if unknown).
    """

    text: str
    lower: str
    words: tuple[str, ...]
    n_words: float
    width: int
    ends_sentence: bool | None
    stop_density: float | None
    chrome_density: float
    url_share: float
    digit_share: float
    repeats: int
    document_share: float

    @property
    def is_blank(self) -> bool:
        """Whether nothing is visible in the line."""
        return not self.text


def measure(
    raw: str, lexicon: Lexicon, repeats: int = 1, document_share: float = 0.0, following: str = ""
) -> MeasuredLine:
    """Measure a line with the word lists of its document's language; `following` is the next line."""
    text = raw.strip()
    words = tuple(words_of(text))
    count = n_words(text, words) + len(_NUMBER.findall(text))
    visible = max(1, len(_VISIBLE.findall(text)))
    return MeasuredLine(
        text=text,
        lower=text.lower(),
        words=words,
        n_words=count,
        width=latin_width(text),
        ends_sentence=_ends_sentence(text, following),
        stop_density=_stop_density(words, count, lexicon),
        chrome_density=_chrome_density(text, words, count, lexicon),
        url_share=sum(len(match) for match in URL.findall(text)) / visible,
        digit_share=len(_DIGIT.findall(text)) / visible,
        repeats=repeats,
        document_share=document_share,
    )


def _ends_sentence(text: str, following: str) -> bool | None:
    if SENTENCE_END.search(text):
        return True
    wrapped = len(text) >= _WRAPPED_WIDTH and following.lstrip()[:1].islower()
    return None if wrapped or not marks_sentence_ends(text) else False


def _stop_density(words: tuple[str, ...], count: float, lexicon: Lexicon) -> float | None:
    if lexicon.language is None:
        return None
    return sum(word in lexicon.stop_words for word in words) / count if count else 0.0


def _chrome_density(text: str, words: tuple[str, ...], count: float, lexicon: Lexicon) -> float:
    if not count:
        return 0.0
    if lexicon.language == "zh":
        found = sum(term in text for term in lexicon.chrome_words)
    else:
        found = sum(word in lexicon.chrome_words for word in words)
    return min(1.0, found / count)


POLICY = re.compile(
    r"terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies|javascript"
    r"|lorem ipsum"
)
INVITATION = re.compile(
    r"^(?:sign.?(?:in|up)|log.?in)\b|read more|continue reading|\b(?:in|to) (?:cart|basket)\b"
    r"|newsletter|subscribe"
    r"|weiterlesen|mehr lesen|warenkorb|anmelden|abonnieren"
    r"|阅读更多|閱讀更多|阅读全文|購物車|购物车|登录|登入|订阅|訂閱"
)
COUNTER = re.compile(
    r"[+(]?[\d.,]+\s*(?:k|m|mio|万|萬|次|条|個|个|楼|樓)?\+?\)?\s*(?:[^\W\d]+)?[:.]?"
    r"|[^\W\d]+\s*[:：(]\s*[\d.,]+k?\)?|(?:共|第|已有)?\s*\d+\s*[个個条條张張次人位楼樓]\w{0,4}",
    re.IGNORECASE,
)
MONTH = (
    r"jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    r"|sep(?:t|tember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
)
DATE = re.compile(
    r"\b\d{1,4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,4}|\b\d{1,2}:\d{2}\b|\d{4}\s?年\s?\d{1,2}\s?月"
    rf"|\b(?:{MONTH})\b\.?,?\s+'?\d{{1,4}}|\b\d{{1,2}}\.?\s+(?:{MONTH})\b"
    r"|\b\d+\s+\w+\s+ago\b|\bvor\s+\d+\s+\w+|\d+\s?(?:秒|分钟|分鐘|小时|小時|天|日|周|个月|個月|年)前",
    re.IGNORECASE,
)
SEPARATOR = re.compile(r"[|»«›‹•·●→←↑↓¦]|\s[/>]\s|::")
QUOTATION = re.compile(r"«[^«»]*»|»[^«»]*«|‹[^‹›]*›|›[^‹›]*‹")
BULLET = re.compile(r"[-–*•·►▪]\s+")
COPYRIGHT = re.compile(
    r"©|\(c\)\s*\d{4}|all rights reserved|rechte vorbehalten|版权所有|版權所有|\bcopyright\b", re.I
)
RIGHTS = re.compile(
    r"(?:written|express|prior) (?:permission|consent)|may not be reproduced|respective owners|trademarks? of"
    r"|vervielfältigung|schriftliche\w* (?:zustimmung|genehmigung)"
    r"|(?:不得|禁止|谢绝|請勿|请勿)\w{0,6}[转轉][载載]"
)
OF_ITSELF = re.compile(
    r"\b(?:this|our|the) (?:web)?(?:site|page|blog|newsletter|forum)\b"
    r"|\b(?:cookies|terms|privacy) (?:policy|of use)\b"
    r"|\b(?:diese[rsn]?|unsere[rsn]?) (?:web)?(?:seiten?|site|newsletters?|blog|forum)\b"
    r"|verwende[nt]\w* cookies"
    r"|本(?:站|网站|網站|网页|網頁|平台|公司|论坛|論壇)|使用\s?cookie"
)
TO_THE_VISITOR = re.compile(r"\b[Yy]ours?\b|\b[Yy]ou\b|\bSie\b|\bIhre?[nmrs]?\b|\b[Dd]eine?[nmrs]?\b|[您你]")
QUANTITY = re.compile(
    r"\d\s?(?:[mkµ]?g|[mcdk]?l|[mckµ]?m|oz|lbs?|tsp|tbsp|cups?|inch|°\s?[cf]?|%|percent|prozent|watt|volt|[kmg]hz|el|tl"
    r"|prise|stück|bund)\b|\d\s?(?:%|°|克|千克|公斤|毫升|升|厘米|毫米|米|度|勺|大勺|小勺|匙|瓣|片|斤)",
    re.IGNORECASE,
)
TRUNCATED = re.compile(r"(?:\.\.\.|…)[\])]?(?:\s*\S+){0,3}$")
CODE = re.compile(
    r"\(\)|\);|[{}]\s*$|\w\(\w*\)\.|</?[a-z]+[^>]*>|&[a-z]+;|px\b|==|\bfunction\(|/\w+/\S+\.\w+", re.I
)
TRACKING = re.compile(
    r"googletag|\bgtag\(|dataLayer|_gaq\b|adsbygoogle|\bfbq\(|\bga\(['\"]"
    r"|window\.\w+ ?= ?window\.|\(function ?\([^)]*\) ?\{ ?var "
)
RATING = re.compile(r"[★☆]{2,}")
HANDLE = re.compile(
    r"(?:^|\s)@?(?:[a-z]{3,}\d{2,}|[a-z\d]*[a-z][a-z\d]*_[a-z\d]+|[a-z]{2,}\.[a-z]{2,})(?=[\s:]|$)",
    re.IGNORECASE,
)
SYMBOL_RUN = re.compile(r"([−—_=*~#.-])\1{3,}")
FORMULA = re.compile(r"\\[a-zA-Z]+|\$[^$]+\$|[=∑∫≤≥∈√∞≠≈⇒]")
MACRO = re.compile(r"\\[a-zA-Z]+")
LAYOUT_MACRO = re.compile(
    r"\\(?:label|(?:eq|page|auto)?ref|cite\w*|[hv]box|[hv]space|[hv]fill|includegraphics|usepackage|documentclass"
    r"|newcommand|renewcommand|def|input|newpage|clearpage|noindent|(?:display|text|script|scriptscript)style)\b"
)
MOJIBAKE = re.compile(r"[ÃÂ][\x80-\xbf™šž¼½¾¤¶Ÿ„œ]|â[€„ˆ‰Š‡†]|ï¿½|�|[äåæçèé][\x80-\xbf]{1,2}")


Test = Callable[[MeasuredLine], bool | float]


@dataclass(frozen=True, slots=True)
class LineRule:
    """One published signal: its name in justifications, where it is from, and what it weighs."""

    name: str
    source: str
    weight: float
    test: Test


def is_prose(line: MeasuredLine) -> bool:
    """A line that C4 keeps: it ends a sentence and has more than a few words, some of them function words.

    What a script has no mark for, or no list of words is there for, is not asked.
    """
    stops = line.stop_density is None or line.stop_density > 0.15
    return line.ends_sentence is not False and line.n_words >= 5 and stops


def _is_code(line: MeasuredLine) -> bool:
    return bool(CODE.search(line.text)) and not ("$" in line.text or MACRO.search(line.text))


def _speaks_to_the_visitor(line: MeasuredLine) -> bool:
    """A line that says you or your and uses the vocabulary of pages: an invitation, a notice, a form."""
    return line.chrome_density > 0 and bool(TO_THE_VISITOR.search(line.text))


def _lacks_stop_words(line: MeasuredLine) -> bool:
    return line.width >= 70 and line.stop_density is not None and line.stop_density < 0.2


def _is_damaged_formula(line: MeasuredLine) -> bool:
    return bool(MACRO.search(line.text)) and line.text.count("{") != line.text.count("}")


def _is_formula(line: MeasuredLine) -> bool:
    if _is_damaged_formula(line) or LAYOUT_MACRO.search(line.text):
        return False
    return bool(FORMULA.search(line.text)) and not CODE.search(line.text) and not line.url_share


def _has_separator(line: MeasuredLine) -> bool:
    return bool(SEPARATOR.search(QUOTATION.sub("q", line.text), 1))


RULES = (
    LineRule("no_sentence_end", "C4", 0.7, lambda line: line.ends_sentence is False),
    LineRule("under_3_words", "C4", 0.4, lambda line: line.n_words < 3),
    LineRule("sentence", "C4", -0.3, is_prose),
    LineRule("policy_phrase", "C4", 0.6, lambda line: bool(POLICY.search(line.lower))),
    LineRule("code", "C4", 1.0, _is_code),
    LineRule("short_line", "FineWeb", 0.2, lambda line: line.width <= 30),
    LineRule("under_70", "jusText", 0.2, lambda line: line.width < 70),
    LineRule("over_120", "jusText", -0.5, lambda line: line.width >= 120),
    LineRule("over_200", "jusText", -0.5, lambda line: line.width >= 200),
    LineRule("stop_words", "jusText", -0.4, lambda line: (line.stop_density or 0) > 0.32),
    LineRule("long_without_stop_words", "jusText", 0.6, _lacks_stop_words),
    LineRule("introduces", "jusText headings", -0.6, lambda line: line.text.endswith((":", "："))),
    LineRule("upper_case", "RefinedWeb", 0.2, lambda line: line.text.isupper() and line.width > 3),
    LineRule("only_numbers", "RefinedWeb", 0.6, lambda line: not line.words and bool(line.text)),
    LineRule("counter", "RefinedWeb", 0.4, lambda line: bool(COUNTER.fullmatch(line.text))),
    LineRule("one_word", "RefinedWeb", 0.2, lambda line: line.n_words <= 1),
    LineRule("invitation", "RefinedWeb", 1.1, lambda line: bool(INVITATION.search(line.lower))),
    LineRule("exclamation", "RefinedWeb", 0.9, lambda line: line.text.endswith(("!", "！"))),
    LineRule("date", "RefinedWeb", 1.3, lambda line: line.width < 70 and bool(DATE.search(line.text))),
    LineRule("handle", "RefinedWeb", 0.8, lambda line: line.n_words < 5 and bool(HANDLE.search(line.text))),
    LineRule("truncated", "Gopher", 1.2, lambda line: bool(TRUNCATED.search(line.text))),
    LineRule("bullet", "jusText lists", -0.3, lambda line: bool(BULLET.match(line.text))),
    LineRule("quantity", "this project", -0.8, lambda line: bool(QUANTITY.search(line.text))),
    LineRule("separator", "Gopher symbols", 0.4, _has_separator),
    LineRule("symbol_run", "Gopher symbols", 0.5, lambda line: bool(SYMBOL_RUN.search(line.text))),
    LineRule("rating", "Gopher symbols", 0.6, lambda line: bool(RATING.search(line.text))),
    LineRule("link_density", "Boilerpipe", 0.6, lambda line: line.url_share > 0.25),
    LineRule("only_an_address", "Boilerpipe", 1.5, lambda line: line.url_share > 0.8),
    LineRule("rights", "Boilerpipe", 1.2, lambda line: bool(RIGHTS.search(line.lower))),
    LineRule("of_itself", "Boilerpipe", 0.8, lambda line: bool(OF_ITSELF.search(line.lower))),
    LineRule("to_the_visitor", "Boilerpipe", 0.7, _speaks_to_the_visitor),
    LineRule("copyright", "Boilerpipe", 1.0, lambda line: bool(COPYRIGHT.search(line.text))),
    LineRule("chrome_words", "Boilerpipe", 1.5, lambda line: line.chrome_density),
    LineRule("mostly_chrome", "Boilerpipe", 0.8, lambda line: line.chrome_density > 0.25),
    LineRule("much_chrome", "Boilerpipe", 0.4, lambda line: line.chrome_density * line.n_words >= 3),
    LineRule("repeated_in_document", "Gopher repetition", 0.3, lambda line: line.repeats > 1),
    LineRule("repeated_in_source", "CCNet", 1.1, lambda line: line.document_share > 0),
    LineRule("frequent_in_source", "CCNet", 1.0, lambda line: line.document_share > 0.3),
    LineRule("mojibake", "ftfy", 2.0, lambda line: bool(MOJIBAKE.search(line.text))),
    LineRule("tracking", "Boilerpipe", 2.0, lambda line: bool(TRACKING.search(line.text))),
    LineRule("formula", "OpenWebMath", -1.2, _is_formula),
    LineRule("damaged_formula", "OpenWebMath", 1.2, _is_damaged_formula),
    LineRule("layout_macro", "OpenWebMath", 1.0, lambda line: bool(LAYOUT_MACRO.search(line.text))),
)


def evidence(line: MeasuredLine, bias: float) -> float:
    """Sum of the weights of the rules that hold, on top of `bias`; 0 for a blank line."""
    if line.is_blank:
        return 0.0
    return bias + sum(rule.weight * float(rule.test(line)) for rule in RULES)


# What a block is before its lines speak, in log-odds of noise; columns without a rule are as often layout.
_BLOCK_EVIDENCE = {
    BlockKind.FENCE: -1.2,
    BlockKind.FORMULA: -1.2,
    BlockKind.PROGRAM: -1.2,
    BlockKind.TABLE: -0.6,
}
# The rules that say something of a block; the others are about lines of prose.
_BLOCK_RULES = frozenset({"repeated_in_source", "frequent_in_source", "mojibake", "tracking"})
_TABLE_RULES = _BLOCK_RULES | {
    "policy_phrase", "invitation", "only_an_address", "rights", "of_itself", "to_the_visitor", "copyright",
    "chrome_words", "mostly_chrome", "much_chrome",
}  # fmt: skip


def block_evidence(kind: BlockKind, lines: Sequence[MeasuredLine], bias: float) -> float:
    """Evidence for a block on top of `bias`: what it is, and the mean of what its visible lines say of it."""
    visible = [line for line in lines if not line.is_blank]
    if kind is BlockKind.COLUMNS:
        return sum(evidence(line, bias) for line in visible) / max(1, len(visible))
    names = _TABLE_RULES if kind is BlockKind.TABLE else _BLOCK_RULES
    said = sum(
        rule.weight * float(rule.test(line)) for rule in RULES if rule.name in names for line in visible
    )
    return bias + _BLOCK_EVIDENCE[kind] + said / max(1, len(visible))


def holding(line: MeasuredLine) -> list[str]:
    """Names of the rules that hold for a line, for justifications."""
    return [] if line.is_blank else [rule.name for rule in RULES if rule.test(line)]
