from pathlib import Path

import pytest

from prox_assets.documents.files import write_json
from prox_assets.teacher.hard_examples import (
    RECORD_FILE,
    Round,
    RoundRecord,
    Step,
    Validation,
    next_step,
    read_rounds,
    with_examples,
)

BEFORE = Validation(0.80, 0.60)


def round_of(number: int, before: Validation = BEFORE, stopped: str = "") -> Round:
    return Round(Path(), f"f{number}", RoundRecord(number, "seeds", before, stopped=stopped))


@pytest.mark.parametrize(
    ("rounds", "limit", "trained_on", "now", "step"),
    [
        ([], 3, None, BEFORE, Step.WAIT),
        ([], 3, [], BEFORE, Step.GO),
        ([round_of(1)], 3, [], BEFORE, Step.WAIT),
        ([round_of(1)], 3, ["f1"], Validation(0.80, 0.65), Step.GO),
        ([round_of(1)], 3, ["f1"], Validation(0.85, 0.50), Step.GO),
        ([round_of(1)], 3, ["f1"], Validation(0.809, 0.609), Step.STOP),
        ([round_of(1)], 1, ["f1"], Validation(0.9, 0.6), Step.DONE),
        ([round_of(1), round_of(2, stopped="no gain")], 3, ["f1"], Validation(0.9, 0.9), Step.ENDED),
        ([round_of(1), round_of(2, Validation(0.9, 0.6))], 3, ["f1", "f2"], Validation(0.9, 0.6), Step.STOP),
    ],
)
def test_what_comes_next(
    rounds: list[Round], limit: int, trained_on: list[str] | None, now: Validation, step: Step
) -> None:
    assert next_step(rounds, limit, 0.01, trained_on, now) is step


def test_rounds_are_read_back_by_lineage_and_number(tmp_path: Path) -> None:
    for name, record in {
        "b": RoundRecord(1, "seeds", BEFORE, 100, 10, 0.5),
        "a": RoundRecord(2, "seeds", BEFORE, stopped="no gain"),
        "c": RoundRecord(1, "other seeds", BEFORE),
        ".tmp-0123-d": RoundRecord(3, "seeds", BEFORE),
    }.items():
        write_json(record.to_json(), tmp_path / name / RECORD_FILE)
    found = read_rounds(tmp_path, "seeds")
    assert [(one.fingerprint, one.record.number) for one in found] == [("b", 1), ("a", 2)]
    assert found[0].record == RoundRecord(1, "seeds", BEFORE, 100, 10, 0.5)
    assert [one.fingerprint for one in with_examples(found)] == ["b"]
