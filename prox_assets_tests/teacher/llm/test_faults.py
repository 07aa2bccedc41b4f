"""A thousand seeds and a server of which 30% of the answers are faulty: each ends in a row, none twice."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from prox_assets.config import LlmTeacherSection as Section
from prox_assets.documents.files import write_table
from prox_assets.errors import TeacherError
from prox_assets.teacher.factory import open_teacher
from prox_assets_tests.teacher.llm.fault_server import FaultServer
from prox_assets_tests.teacher.seeds import seed_table

SEEDS = seed_table({f"d{i}": f"{'lesson' if i % 3 else 'offer'} number {i}" for i in range(1000)})
RUN = """
import sys, pyarrow.parquet as pq
from pathlib import Path
from prox_assets.config import LlmTeacherSection
from prox_assets.documents.files import write_table
from prox_assets.teacher.factory import open_teacher
section = LlmTeacherSection(kind="llm", model="m", base_url=sys.argv[1], concurrency=64, timeout_seconds=1,
                     retries=6)
folder = Path(sys.argv[2])
table = open_teacher(section, folder).annotate_documents(pq.read_table(folder / "seeds.parquet"))
write_table(table, folder / "annotations.parquet")
"""


def section(url: str, **changes: object) -> Section:
    values = {
        "kind": "llm",
        "model": "m",
        "base_url": url,
        "concurrency": 64,
        "timeout_seconds": 1,
        "retries": 6,
    }
    return Section.model_validate(values | changes)


def test_every_seed_ends_annotated_or_failed_with_a_reason(tmp_path: Path) -> None:
    with FaultServer(faulty=0.3, stubborn=0.01) as server:
        server.start()
        seeds = SEEDS.slice(0, 300)
        rows = open_teacher(section(server.url, retries=3), tmp_path).annotate_documents(seeds).to_pylist()
        server.shutdown()
    assert [row["doc_id"] for row in rows] == seeds["doc_id"].to_pylist()
    statuses = Counter(row["status"] for row in rows)
    assert statuses["annotated"] > 285 and 1 <= statuses["failed"] <= 15
    for row in rows:
        assert (row["error"] is None) == (row["status"] == "annotated") == (row["keep"] is not None)
        if row["status"] == "annotated":
            assert row["keep"] is ("lesson" in SEEDS["text"][int(row["doc_id"][1:])].as_py())


def test_killed_in_the_middle_and_started_again(tmp_path: Path) -> None:
    """1,000 seeds, 2,000 questions: SIGKILL when some hundreds are answered, then to the end."""
    write_table(SEEDS, tmp_path / "seeds.parquet")
    server = subprocess.Popen(
        [sys.executable, "-m", "prox_assets_tests.teacher.llm.fault_server", str(tmp_path / "url"), "0.3"],
        cwd=Path(__file__).parents[3],
    )
    try:
        url = _when_there(tmp_path / "url")
        command = [sys.executable, "-c", RUN, url, str(tmp_path)]
        killed = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while sum(_counts(url)["well"].values()) < 500:
            assert killed.poll() is None, "it ended before it could be killed"
            time.sleep(0.02)
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        time.sleep(0.2)
        before = _counts(url)["well"]
        assert 500 <= sum(before.values()) < 2000 and not (tmp_path / "annotations.parquet").exists()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = _counts(url)["well"]
    finally:
        server.kill()
        server.wait()
    rows = pq.read_table(tmp_path / "annotations.parquet").to_pylist()
    assert [row["doc_id"] for row in rows] == SEEDS["doc_id"].to_pylist()
    assert Counter(row["status"] for row in rows)["annotated"] >= 995
    assert len(after) >= 1995
    twice = sum(count > 1 for count in after.values())
    assert twice <= 64  # answers that were on their way when the process died


def _when_there(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return path.read_text()


def _counts(url: str) -> dict[str, dict[str, int]]:
    with urllib.request.urlopen(f"{url}/counts") as answer:
        found: dict[str, dict[str, int]] = json.load(answer)
    return found


def test_a_dead_server_and_a_wrong_key_stop_the_job_with_one_sentence(tmp_path: Path) -> None:
    dead = section("http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(TeacherError, match="times in a row"):
        open_teacher(dead, tmp_path).annotate_documents(SEEDS)
