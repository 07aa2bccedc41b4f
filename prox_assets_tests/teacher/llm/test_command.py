"""`prox teach`: the price before the first call, and the annotations without an orchestrator."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from prox_assets.cli import main
from prox_assets.documents.files import write_table
from prox_assets_tests.teacher.llm.fault_server import FaultServer
from prox_assets_tests.teacher.seeds import seed_table

CATALOGUE = """
storage: {storage}
domains:
  web:
    inputs: [{{path: {storage}}}]
    teacher: {{kind: llm, model: m, base_url: {url}, prices: {{input: 1, output: 2}}, retries: 1}}
"""


@pytest.mark.parametrize("stubborn", [0.0, 1.0])
def test_teach(tmp_path: Path, capsys: pytest.CaptureFixture[str], stubborn: float) -> None:
    with FaultServer(stubborn=stubborn) as server:
        server.start()
        catalogue, seeds = tmp_path / "c.yaml", tmp_path / "seeds.parquet"
        catalogue.write_text(CATALOGUE.format(storage=tmp_path, url=server.url))
        write_table(seed_table({"a": "A lesson.\nmenu", "b": "An offer."}), seeds)
        command = ["teach", "web", "--catalogue", str(catalogue), "--input", str(seeds)]
        assert main([*command, "--dry-run"]) == 0
        printed = capsys.readouterr().err
        assert "documents: 4 calls (0 of 4 are answered" in printed and "in money" in printed
        assert not server.asked
        assert main(command) == 1 and "--output" in capsys.readouterr().err
        assert main([*command, "--output", str(tmp_path / "out")]) == int(stubborn > 0)
        server.shutdown()
    rows = pq.read_table(tmp_path / "out" / "doc_annotations.parquet").to_pylist()
    assert [row["doc_id"] for row in rows] == ["a", "b"]
    assert {row["status"] for row in rows} == ({"failed"} if stubborn else {"annotated"})
