"""The lines of docs/refiners.md that load a checkpoint with plain transformers do."""

import re
from pathlib import Path

import pytest

from prox_assets.refiner.scoring.training import TrainedRefiner

_PAGE = Path(__file__).parents[3] / "docs" / "refiners.md"
_CODE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def _lines(auto: str) -> str:
    (found,) = (code for code in _CODE.findall(_PAGE.read_text()) if f"{auto}.from_pretrained(path)" in code)
    assert len(found.strip().split("\n")) <= 6, "five lines and a blank one"
    return str(found)


@pytest.mark.parametrize(
    ("auto", "fixture"),
    [
        ("AutoModelForSequenceClassification", "trained_documents"),
        ("AutoModelForTokenClassification", "trained_chunks"),
        ("AutoModelForCausalLM", "writing_chunks"),
    ],
)
def test_five_lines_load_a_checkpoint(
    auto: str, fixture: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: TrainedRefiner = request.getfixturevalue(fixture)
    capsys.readouterr()
    exec(_lines(auto), {"path": trained.path})
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    "fixture", ["trained_documents", "trained_chunks", "writing_chunks", "writing_documents"]
)
def test_so_do_the_lines_of_the_card(
    fixture: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: TrainedRefiner = request.getfixturevalue(fixture)
    (code,) = _CODE.findall((trained.path / "README.md").read_text())
    exec(code, {"path": trained.path, "text": "Home\nThe valley sleeps."})
