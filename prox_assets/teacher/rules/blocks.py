r"""Blocks: lines that make sense only together, so that they stay or go as a whole.

Programs, tables and formulas have short lines without sentence ends or function words, which line rules
take for noise; half a program or a table without its head is worth less than none. Three kinds have marks of
their own: fences (``` and ~~~, CommonMark 4.5), tables with a rule under their head (GFM, psql) or between
rows, LaTeX environments and displayed formulas. Programs without a fence and columns without a rule are told
by their lines, and only where several agree.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block is."""

    FENCE = "fenced code"
    FORMULA = "formula"
    PROGRAM = "program"
    TABLE = "table"
    COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Block:
    """Lines `start` to `stop` (exclusive) of a document."""

    kind: BlockKind
    start: int
    stop: int

    @property
    def lines(self) -> range:
        """The numbers of its lines."""
        return range(self.start, self.stop)


_FENCE = re.compile(r"\s*(`{3,}(?=[^`]*$)|~{3,})")
_ENVIRONMENT = re.compile(r"\\(begin|end)\s*\{([A-Za-z*]+)\}")
_PAGES = frozenset({"document"})  # An environment around a whole page is no block of it.
_ROW = re.compile(r"\s*\|.*\|\s*$")
_RULE = re.compile(r"\s*\|?\s*:?-{2,}:?\s*(?:[|+]\s*:?-{2,}:?\s*)+\|?\s*$")
_GRID = re.compile(r"\s*\+(?:[-=]{2,}\+)+\s*$")
_BAR = re.compile(r"(?<!\\)\|")
_GAP = re.compile(r"\t+| {2,}")
_MIN_ROWS = 3
_LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s+\S")

_WORD = r"[A-Za-z_][\w.]*"
_STATEMENT = re.compile(
    r"\s*(?:"
    rf"(?:async )?def \w+\s*\(|class \w+\s*(?:[({{:]|extends\b|implements\b)"
    rf"|from {_WORD} import\b|import {_WORD}(?: as \w+)?;?$|import [\w{{*].* from ['\"]"
    r"|(?:const|let|var) [\w{\[][^.!?]*=|(?:export |async )*function\b.*\(.*[{)]$|func \w*\(|fn \w+.*\{$"
    r"|#\s?(?:include|define|ifdef|ifndef|endif|pragma)\b|using [\w.:]+;$|package [\w.]+;$"
    r"|namespace [\w.:\\]+[\s{;]*$"
    r"|(?:(?:public|private|protected|static|final|virtual|inline|unsigned|const)\s)+\w.*[;{)]$"
    r"|(?:if|else if|elif|while|for|switch|catch|foreach)\s?\(.*\)\s*[{:;]?$"
    r"|(?:if|elif|while|for|with)\b.*[\w)\]'\"]:$|\}?\s*(?:else|try|finally|do)\s*[:{]$|except\b.*:$"
    r"|.*[\w)]\s*\{$|(?:int|void|char|float|double|long|bool|auto|String)\s+[*&]?\w+\s*[;=(\[].*"
    r"|return\b[^.!?]*;$|return [\w.]+(?:\(.*\))?$|@\w+(?:\(.*\))?$"
    r"|SELECT\s.*(?:[*,(=;]|\sFROM\b)|UPDATE \w+ SET\s"
    r"|(?:INSERT INTO|DELETE FROM|CREATE (?:TABLE|VIEW|INDEX))\s"
    r"|(?:\$|PS>|C:\\>|mysql>|irb>)\s[a-z./~]|(?:>>>|In \[\d*\]:|Out\[\d*\]:)\s*\S"
    r"|(?:sudo|pip3? install|npm install|git (?:clone|add|commit|push)|docker (?:run|pull)|make)"
    r"\s\S+(?:\s\S+){0,4}$"
    r"|<\?php|<\?xml|<!DOCTYPE|#!/\S"
    r")"
)
_ASSIGNMENT = re.compile(
    rf"\s*(?:[\w.]+[*&]?\s+)?[*&$@]?{_WORD}(?:\[[^\]]*\]|->\w+)*\s*(?:[-+*/%|&^.:]|<<|>>)?=(?![=>])\s*\S"
    r"|\s*\w[\w.$\[\]]*\s*<-\s*\S"
)
_CALL = re.compile(rf"\s*[$@]?{_WORD}(?:(?:->|::|\$)\w+(?:\([^()]*\))?)*\((?!\d+\)$).*\)\s*(?:[;,{{]|->.*)?$")
_ENDED = re.compile(r"(?:\w\([^)]*\)|=|->|::|\$\w|\+\+|--).*;\s*(?://.*|/\*.*)?$")
_JSON = re.compile(r"\s*\"[^\"]+\"\s*:\s*(?:[\[{\"]|-?\d|true|false|null).*")
_CLOSER = re.compile(r"\s*[\[\](){}]+[;,)]*\s*$|\s*(?:end|fi|done|esac|pass|break|continue);?$")
_TAG = r"</?[A-Za-z][\w:-]*(?:\s[^<>]*)?/?>"
_ELEMENT = re.compile(rf"\s*{_TAG}(?:.*{_TAG})?\s*$")
_COMMENT = re.compile(r"\s*(?://|/\*|\*/|\* |--\s|#|%|;;|<!--)")
_CODE_MARK = re.compile(r"[=(){}\[\]<>;_\\]|::|->")
_INDENT = re.compile(r" {4}|\t| {1,3}\t")
_INSIDE = re.compile(r"\s{2,}|\t")
_MAX_LINES = 2_000  # of a block, and read ahead for its end
_MAX_CODE_LINE = 400
_MAX_CELL = 40
_MIN_CODE_LINES = 2


def blocks(lines: Sequence[str]) -> list[Block]:
    """Find the blocks of a document, in order and apart.

    A pure function of the lines. What opens and never closes (a fence, an environment) is no block, so that
    an extractor's cut does not make one of the rest of the page.
    """
    found: list[Block] = []
    at = 0
    while at < len(lines):
        block = _block_at(lines, at)
        if block is None:
            at += 1
        else:
            found.append(block)
            at = block.stop
    return found


def _block_at(lines: Sequence[str], at: int) -> Block | None:
    if not lines[at].strip():
        return None
    for kind, find in _FINDERS:
        stop = find(lines, at)
        if stop is not None:
            return Block(kind, at, stop)
    return None


def _fence_stop(lines: Sequence[str], at: int) -> int | None:
    opening = _FENCE.match(lines[at])
    if opening is None:
        return None
    mark = opening.group(1)
    for number in range(at + 1, min(len(lines), at + _MAX_LINES)):
        line = lines[number].strip()
        if line.startswith(mark) and not line.strip(mark[0]):
            return number + 1
    return None


def _table_stop(lines: Sequence[str], at: int) -> int | None:
    if _GRID.match(lines[at]):
        stop = _while(lines, at, lambda line: bool(_ROW.match(line) or _GRID.match(line)))
        return stop if stop - at >= _MIN_ROWS else None
    if "|" not in lines[at] or at + 2 >= len(lines) or not _RULE.match(lines[at + 1]):
        return None
    width = _n_cells(lines[at])
    if width < 2 or _n_cells(lines[at + 1].replace("+", "|")) != width:
        return None
    stop = _while(lines, at + 2, lambda line: _n_cells(line) == width)
    return stop if stop > at + 2 else None


def _n_cells(row: str) -> int:
    """How many cells a row of a table has between its bars; 0 without one."""
    bars = _BAR.findall(row.strip().removeprefix("|").removesuffix("|"))
    return len(bars) + 1 if "|" in row else 0


def _formula_stop(lines: Sequence[str], at: int) -> int | None:
    line = lines[at]
    if "\\begin" in line:
        return _environment_stop(lines, at)
    for opening, closing in (("$$", "$$"), ("\\[", "\\]")):
        if line.lstrip().startswith(opening) and closing not in line.lstrip()[2:]:
            for number in range(at + 1, min(len(lines), at + _MAX_LINES)):
                if not lines[number].strip():  # TeX takes no empty line in a formula.
                    return None
                if closing in lines[number]:
                    return number + 1
    return None


def _environment_stop(lines: Sequence[str], at: int) -> int | None:
    depth = 0
    for number in range(at, min(len(lines), at + _MAX_LINES)):
        for side, name in _ENVIRONMENT.findall(lines[number]) if "\\" in lines[number] else ():
            if name not in _PAGES:
                depth += 1 if side == "begin" else -1
        if depth <= 0:
            return number + 1 if number > at else None
    return None


def _program_stop(lines: Sequence[str], at: int) -> int | None:
    indented = bool(_INDENT.match(lines[at]))
    if indented and at and _INDENT.match(lines[at - 1]):
        return None  # The middle of indented lines that are no program.
    if not indented and not _starts_program(lines, at):
        return None
    stop, visible, code = at, 0, 0
    for number in range(at, min(len(lines), at + _MAX_LINES)):
        line = lines[number]
        if not line.strip():
            if number and not lines[number - 1].strip():
                break
            continue
        is_code = is_code_line(line)
        if not (is_code or _INSIDE.match(line) or (not indented and _COMMENT.match(line))):
            break
        if indented and not _INDENT.match(line):
            break
        visible += 1
        code += is_code
        if is_code or _INSIDE.match(line):
            stop = number + 1
    enough = code >= 1 if indented else code >= _MIN_CODE_LINES
    return stop if enough and 3 * code >= visible else None


def _starts_program(lines: Sequence[str], at: int) -> bool:
    if is_code_line(lines[at]):
        return True
    return bool(_COMMENT.match(lines[at])) and at + 1 < len(lines) and is_code_line(lines[at + 1])


def is_code_line(line: str) -> bool:
    """Whether a line looks like one of a program, a shell session, a data file or a markup file."""
    if len(line) > _MAX_CODE_LINE or not (_CODE_MARK.search(line) or _STATEMENT.match(line)):
        return False
    return any(pattern.match(line) for pattern in _CODE) or bool(_ENDED.search(line))


def _columns_stop(lines: Sequence[str], at: int) -> int | None:
    width = _n_columns(lines[at])
    if width < 2:
        return None
    stop = _while(lines, at, lambda line: _n_columns(line) == width)
    return stop if stop - at >= _MIN_ROWS else None


def _n_columns(line: str) -> int:
    """How many columns a line has, set with bars, tabs or runs of spaces; 0 where it reads like prose."""
    if _ROW.match(line):
        cells = _BAR.split(line.strip()[1:-1])
    elif ("\t" in line or "  " in line) and not _LIST_ITEM.match(line):
        cells = _GAP.split(line.strip())
    else:
        return 0
    return 0 if any(len(cell.strip()) > _MAX_CELL for cell in cells) else len(cells)


def _while(lines: Sequence[str], at: int, holds: Callable[[str], bool]) -> int:
    stop = at
    while stop < len(lines) and holds(lines[stop]):
        stop += 1
    return stop


_CODE = (_STATEMENT, _ASSIGNMENT, _CALL, _JSON, _CLOSER, _ELEMENT)
_FINDERS: tuple[tuple[BlockKind, Callable[[Sequence[str], int], int | None]], ...] = (
    (BlockKind.FENCE, _fence_stop),
    (BlockKind.TABLE, _table_stop),
    (BlockKind.FORMULA, _formula_stop),
    (BlockKind.PROGRAM, _program_stop),
    (BlockKind.COLUMNS, _columns_stop),
)
