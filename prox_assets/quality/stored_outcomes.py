"""The outcomes of the checks that last ran on each shard, stored beside the corpus."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prox_assets.documents.files import read_json, write_json
from prox_assets.documents.store import FinishedShard, Store
from prox_assets.quality.outcomes import ExpectationOutcome
from prox_assets.quality.rules import Severity

VALIDATIONS = "validations"
_FORM = 2
"""Outcomes stored in another form are not read: the checks run again."""


def store_outcomes(store: Store, shard: FinishedShard, outcomes: Iterable[ExpectationOutcome]) -> None:
    """Store what was found of a shard, with the fingerprint it was found of."""
    stored = {
        "form": _FORM,
        "fingerprint": shard.fingerprint,
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    write_json(stored, _file(store, shard))


def stored_outcomes(store: Store, shard: FinishedShard) -> tuple[ExpectationOutcome, ...] | None:
    """What was found of a shard as it is now; None where it was not checked since it changed."""
    file = _file(store, shard)
    stored = read_json(file, "delete it; the checks then run again") if file.exists() else {}
    if (stored.get("form"), stored.get("fingerprint")) != (_FORM, shard.fingerprint):
        return None
    return tuple(_outcome(values) for values in stored["outcomes"])


def _outcome(values: dict[str, Any]) -> ExpectationOutcome:
    figures = tuple((name, value) for name, value in values["figures"])
    return ExpectationOutcome(**{**values, "severity": Severity(values["severity"]), "figures": figures})


def _file(store: Store, shard: FinishedShard) -> Path:
    return (
        store.root / shard.key.domain / VALIDATIONS / "outcomes" / shard.key.asset / f"{shard.key.shard}.json"
    )
