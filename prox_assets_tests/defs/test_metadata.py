"""Metadata is JSON for whoever asks for it: neither NaN nor infinities."""

import json
import math
from typing import Any

import dagster as dg
from dagster._serdes import serialize_value
from hypothesis import given, settings
from hypothesis import strategies as st

from prox_assets.definitions import defs
from prox_assets.defs.ui import finite_metadata, finite_result, table_of

NUMBERS = st.floats() | st.integers(-9, 9) | st.none()
NESTED = st.recursive(
    NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@settings(max_examples=40, deadline=None)
@given(NUMBERS, NESTED)
def test_all_metadata_is_json(number: float | None, nested: Any) -> None:
    raw = {
        "number": number,
        "value": dg.MetadataValue.float(number) if isinstance(number, float) else "–",
        "json": dg.MetadataValue.json({"nested": nested}),
        "table": table_of([{"number": number, "text": "t"}]),
    }
    result = finite_result(
        dg.MaterializeResult(metadata=raw, check_results=[dg.AssetCheckResult(passed=True, metadata=raw)])
    )
    for metadata in (result.metadata, result.check_results[0].metadata):
        event = dg.AssetMaterialization("asset", metadata=metadata)
        json.loads(serialize_value(event), parse_constant=refuse)
    if number is not None and math.isfinite(number):
        assert (result.metadata or {})["number"] == number


def test_what_json_can_hold_stays_as_it_is() -> None:
    lineage = dg.TableColumnLineage({"text": [dg.TableColumnDep(dg.AssetKey("raw"), "text")]})
    kept = {
        "lineage": lineage,
        "markdown": dg.MetadataValue.md("*a*"),
        "count": 3,
        "name": "n",
        "list": [1.5],
    }
    assert finite_metadata(kept) == kept


def test_every_asset_has_its_metadata_made_fit() -> None:
    """All functions of assets are guarded, or those of `shard_asset`, where that is done."""
    graph = defs.resolve_asset_graph()
    for assets_def in graph.assets_defs:
        if assets_def.keys:
            function: Any = assets_def.op.compute_fn.decorated_fn  # type: ignore[union-attr]
            made_fit = hasattr(function, "__wrapped__") or function.__module__.endswith("multi_partition")
            assert made_fit, assets_def.key
