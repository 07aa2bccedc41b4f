"""Data Docs: validations are recorded one file each, wherever they happen, and built into a static site."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prox_assets.documents.files import temporary_beside, write_json

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class DataDocsSite:
    """A folder of recorded validations; those of the same asset and run replace one another."""

    folder: Path

    def record(self, asset: str, run_name: str) -> Path:
        """Where the validation of an asset's shard is recorded."""
        return self.folder / asset / f"{_UNSAFE.sub('-', run_name)}.json"

    def records(self) -> tuple[Path, ...]:
        """All recorded validations."""
        return tuple(sorted(self.folder.glob("*/*.json")))


def write_record(site: DataDocsSite, asset: str, run_name: str, result: Any) -> None:
    """Record an ExpectationSuiteValidationResult."""
    write_json(result.to_json_dict(), site.record(asset, run_name))


def merged(first: Any, second: Any) -> Any:
    """One validation result from two of the same shard."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.validator.validator import calc_validation_statistics

    results = [*first.results, *second.results]
    return ExpectationSuiteValidationResult(
        success=first.success and second.success,
        results=results,
        suite_name=second.suite_name,
        statistics=calc_validation_statistics(results)._asdict(),
        meta=second.meta,
    )


def build_data_docs(records: Iterable[Path], folder: Path) -> Path:
    """Build the site of recorded validations, put it in the place of `folder`, and give its ``index.html``.

    The files are static; the pages take their styles and scripts from public content networks.
    """
    with _replacing_folder(folder) as fresh:
        _build(records, fresh)
    return folder / "index.html"


def _build(records: Iterable[Path], folder: Path) -> None:
    from prox_assets.quality.gx import quiet_context

    context = quiet_context()
    for record in records:
        result = _load(record)
        context.validation_results_store.set(_identifier(result, record), result)
        context.suites.add_or_update(_suite(result))
    context.add_data_docs_site(
        site_name="checks",
        site_config={
            "class_name": "SiteBuilder",
            "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
            "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)},
        },
    )
    context.build_data_docs(site_names=["checks"])


@contextmanager
def _replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `folder` when all went well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh, former = temporary_beside(folder), temporary_beside(folder)
    fresh.mkdir()
    try:
        yield fresh
        if folder.exists():
            folder.rename(former)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(former, ignore_errors=True)


def _suite(result: Any) -> Any:
    """The suite as it was when the validation ran: the pages link to it."""
    import great_expectations as gx

    expectations = [copy(entry.expectation_config.to_domain_obj()) for entry in result.results]
    return gx.ExpectationSuite(name=result.suite_name, expectations=expectations)


def _load(record: Path) -> Any:
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema

    return expectationSuiteValidationResultSchema.loads(record.read_text(encoding="utf-8"))


def _identifier(result: Any, record: Path) -> Any:
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    return ValidationResultIdentifier(
        expectation_suite_identifier=ExpectationSuiteIdentifier(name=result.suite_name),
        run_id=RunIdentifier(run_name=record.stem, run_time=result.meta["run_id"]["run_time"]),
        batch_identifier=record.stem,
    )
