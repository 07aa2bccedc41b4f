"""Programs for property tests: any that can be built, with hostile strings in them."""

from hypothesis import strategies as st

from prox_assets.programs import Program, keep_chunk, normalize, remove_all_lines, remove_lines

HOSTILE = "\"'\\\n\t\x00\x85\xa0\u2028\u202e\u200f\ufeff()#=,`/"
strings = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(HOSTILE)), max_size=20)
visible = strings.filter(lambda s: bool(s) and not s.isspace())


def programs(lines: range = range(1100), least: int = 0) -> st.SearchStrategy[Program]:
    """Give programs whose line numbers are out of `lines`."""
    number = st.integers(lines[0], lines[-1])
    ranges = st.tuples(number, number).map(lambda pair: remove_lines(min(pair), max(pair)))
    fixed = st.sampled_from([keep_chunk(), remove_all_lines()])
    calls = st.one_of(fixed, ranges, st.builds(normalize, visible, strings))
    return st.lists(calls, min_size=least, max_size=6).map(lambda calls: Program(tuple(calls)))
