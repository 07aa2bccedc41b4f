from pathlib import Path

import duckdb
import pytest

from prox_assets.cli import main
from prox_assets_tests.conftest import Graph


@pytest.mark.usefixtures("no_models")
def test_thresholds_move_without_a_model(
    graph: Graph, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", "web", "part-000", "current", "keep=1.0,line=1.0", "--output", str(tmp_path)]
    assert main(arguments) == 0
    assert "documents kept" in capsys.readouterr().out
    with duckdb.connect(str(tmp_path / "comparison.duckdb"), read_only=True) as database:
        ((kept, alone),) = database.execute("SELECT left_kept, removed_by_left FROM summary").fetchall()
        fates = database.execute("SELECT DISTINCT right_status FROM documents").fetchall()
    assert kept > 0 and alone == 0 and fates == [("dropped",)]
    assert main(["compare", "web", "part-000", "current", "keep=0.0", "--output", str(tmp_path)]) == 1
    assert "have no chunk programs" in capsys.readouterr().err
