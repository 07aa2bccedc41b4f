"""Ten thousand partitions: what the UI waits for, and what a tick of the sensors and schedules takes.

    PYTHONPATH=. python benchmarks/ui_partitions.py [--shards 5000] [--materialized 3000] [--output FILE]

Two domains of as many shards (files of one page each) on an instance with SQLite; some partitions of an
asset, and a third as many of two others, are reported as materialized. A headless Chromium opens the pages,
and each GraphQL answer is timed as the browser sees it, so the questions are those of the UI. Then a backfill
of all partitions is asked for, and each sensor and schedule is evaluated twice. Nothing is refined. With
TMPDIR on a memory disk the set-up is quicker.
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prox_assets_tests.deployment.running import Deployment

RESULT = Path(__file__).parent / "results" / "ui_partitions.json"
ASSETS = ("raw_documents", "doc_programs", "chunk_refined_corpus")
# The five slowest answers of each page are reported, and all that ask for partitions.
PAGES = {
    "partitions of an asset": "/assets/raw_documents?view=partitions",
    "asset": "/assets/raw_documents",
    "lineage": "/asset-groups",
    "runs": "/runs",
}
_CATALOGUE = """
storage: {home}/storage
domains:
  web: &domain
    inputs: [{{path: "{home}/incoming/web", columns: {{doc_id: id, text: text}}}}]
    seeds: {{size: 10}}
    teacher: {{kind: rules}}
    refiner: {{document: {{window: 256, base: none}}, chunk: {{window: 256, base: none}}}}
  math:
    <<: *domain
    inputs: [{{path: "{home}/incoming/math", columns: {{doc_id: id, text: text}}}}]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shards", type=int, default=5000)
    parser.add_argument("--materialized", type=int, default=3000)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="prox-ui-") as folder:
        home = Path(folder)
        (home / "catalogue.yaml").write_text(_CATALOGUE.format(home=home))
        _write_inputs(home, options.shards)
        deployment = Deployment(home, home / "catalogue.yaml")
        deployment.prepare()
        os.environ.update(deployment.environment)
        found: dict[str, Any] = {"setup": _register(deployment, options.shards, options.materialized)}
        found["pages"] = _visited(deployment, options.visits)
        found["ticks"] = _ticks(deployment)
    report = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, shared with other work",
        "load_average": round(os.getloadavg()[0], 1),
        "partitions": 2 * options.shards,
        "materialized": options.materialized,
        **found,
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def _write_inputs(home: Path, shards: int) -> None:
    for domain in ("web", "math"):
        folder = home / "incoming" / domain
        folder.mkdir(parents=True)
        for number in range(shards):
            page = json.dumps({"id": f"{domain}-{number}", "text": "One page of one line."})
            (folder / f"s{number:05d}.jsonl").write_text(page + "\n")


def _register(deployment: Deployment, shards: int, materialized: int) -> dict[str, Any]:
    import dagster as dg

    from prox_assets.defs.partitions import SHARDS, partition_key

    names = [f"s{number:05d}" for number in range(shards)]
    keys = [str(partition_key(("web", "math")[n % 2], names[n // 2])) for n in range(materialized)]
    made = {asset: keys if asset == ASSETS[0] else keys[: len(keys) // 3] for asset in ASSETS}
    with deployment.instance() as instance:
        with _timed() as added:
            instance.add_dynamic_partitions(SHARDS, names)
        with _timed() as reported:
            for asset in ASSETS:
                for key in made[asset]:
                    instance.report_runless_asset_event(dg.AssetMaterialization(asset, partition=key))
    return {"keys_added": added, "materializations_reported": reported}


def _visited(deployment: Deployment, visits: int) -> dict[str, Any]:
    """Each page's GraphQL answers, by their operation, and the launch of a backfill of everything."""
    from playwright.sync_api import sync_playwright

    deployment.start("webserver")
    try:
        deployment.wait_until_up()
        with sync_playwright() as player:
            browser = player.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            pages = {
                name: _visit(browser, deployment.url + path, visits, lambda: _cpu_of(deployment))
                for name, path in PAGES.items()
            }
            browser.close()
        launches = [_launched(deployment) for _ in range(visits)]
    finally:
        deployment.kill("webserver")
    pages["launch a backfill of all partitions"] = {"answer_seconds_median": _median(launches)}
    return pages


def _visit(browser: Any, url: str, visits: int, cpu: Callable[[], float]) -> dict[str, Any]:
    answers: dict[str, list[float]] = defaultdict(list)
    quiet, processors = [], []

    def finished(request: Any) -> None:
        if "/graphql" in request.url and request.method == "POST":
            operation = str(json.loads(request.post_data or "{}").get("operationName"))
            answers[operation].append(request.timing["responseEnd"] / 1000)

    for _ in range(visits):
        page = browser.new_page()
        page.on("requestfinished", finished)
        before, started = cpu(), time.perf_counter()
        page.goto(url, wait_until="domcontentloaded", timeout=120_000)
        page.wait_for_load_state("networkidle", timeout=120_000)
        # Playwright's idle is half a second without requests.
        quiet.append(time.perf_counter() - started - 0.5)
        processors.append(cpu() - before)
        page.close()
    ranked = sorted(answers.items(), key=lambda item: -_median(item[1]))
    shown = ranked[:5] + [item for item in ranked[5:] if "Partition" in item[0]]
    return {
        "until_quiet_seconds_median": _median(quiet),
        "webserver_cpu_seconds_median": _median(processors),
        "answers_seconds_median": {name: _median(seconds) for name, seconds in shown},
    }


def _launched(deployment: Deployment) -> float:
    """Seconds until the webserver has taken a backfill of all partitions, which is then cancelled."""
    launch = """mutation($params: LaunchBackfillParams!) {launchPartitionBackfill(backfillParams: $params) {
        ... on LaunchBackfillSuccess {backfillId}}}"""
    names = deployment.ask(
        '{assetNodeOrError(assetKey: {path: ["raw_documents"]}) {... on AssetNode {partitionKeys}}}'
    )["assetNodeOrError"]["partitionKeys"]
    params = {"assetSelection": [{"path": ["raw_documents"]}], "partitionNames": names, "tags": []}
    started = time.perf_counter()
    backfill = deployment.ask(launch, params=params)["launchPartitionBackfill"]["backfillId"]
    seconds = time.perf_counter() - started
    cancel = "mutation($id: String!) {cancelPartitionBackfill(backfillId: $id) {__typename}}"
    deployment.ask(cancel, id=backfill)
    return seconds


_TICK = """
import json, resource, time
from datetime import UTC, datetime
import dagster as dg
from dagster._core.definitions.partitions.context import partition_loading_context
from prox_assets.definitions import defs

repository = defs.get_repository_def()

def spent():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime

def evaluate(name, tick, definition, context):
    before, started = spent(), time.perf_counter()
    made = definition.evaluate_tick(context)
    took = [time.perf_counter() - started, spent() - before]
    print(json.dumps([name, tick, *took, len(made.run_requests or ())]))

with dg.DagsterInstance.get() as instance, partition_loading_context(dynamic_partitions_store=instance):
    common = {"instance": instance, "repository_def": repository, "resources": defs.resources}
    for tick in ("first", "second"):
        for sensor in repository.sensor_defs:
            context = dg.build_sensor_context(**common, sensor_name=sensor.name)
            evaluate(sensor.name, tick, sensor, context)
        for schedule in repository.schedule_defs:
            now = datetime.now(UTC)
            context = dg.build_schedule_context(**common, scheduled_execution_time=now)
            evaluate(schedule.name, tick, schedule, context)
"""


def _ticks(deployment: Deployment) -> dict[str, Any]:
    """A process that does what the daemon's ticks make the code server do."""
    done = subprocess.run(
        [sys.executable, "-c", _TICK], env=deployment.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        f"{name}, {tick} tick": {
            "wall_seconds": round(wall, 2),
            "cpu_seconds": round(cpu, 2),
            "run_requests": requests,
        }
        for name, tick, wall, cpu, requests in map(json.loads, done.stdout.splitlines())
    }


def _cpu_of(deployment: Deployment) -> float:
    """CPU seconds of the webserver and its code server so far."""
    group = deployment.processes["webserver"].pid
    ticks = 0
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = process.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def _timed() -> Iterator[dict[str, float]]:
    found: dict[str, float] = {}
    before, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    yield found
    after = resource.getrusage(resource.RUSAGE_SELF)
    found["wall_seconds"] = round(time.perf_counter() - started, 2)
    found["cpu_seconds"] = round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)


def _median(seconds: list[float]) -> float:
    return round(statistics.median(seconds), 2)


if __name__ == "__main__":
    main()
