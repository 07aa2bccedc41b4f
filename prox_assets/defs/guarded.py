"""Decorators of asset functions: judge errors, lease a device for models, keep metadata fit for JSON."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

import dagster as dg

from prox_assets.defs.devices import asks_on_device, leased_device
from prox_assets.defs.metadata import finite_result
from prox_assets.defs.resources import CatalogueResource
from prox_assets.defs.retries import judged_errors

DomainWork = Callable[[dg.AssetExecutionContext, CatalogueResource], dg.MaterializeResult[Any]]


def guarded(work: DomainWork) -> DomainWork:
    """An asset's function that retries what passes and fails at once, in one sentence, on all else."""

    @wraps(work)
    def judged(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> dg.MaterializeResult[Any]:
        with judged_errors(context):
            return finite_result(work(context, catalogue))

    return judged


def guarded_on_device(work: DomainWork) -> DomainWork:
    """The same, with a GPU for itself where the catalogue has several."""

    @wraps(work)
    def on_device(
        context: dg.AssetExecutionContext, catalogue: CatalogueResource
    ) -> dg.MaterializeResult[Any]:
        with judged_errors(context), device_of(catalogue):
            return finite_result(work(context, catalogue))

    return on_device


def guarded_with_teachers(work: DomainWork) -> DomainWork:
    """The same for steps that ask teachers: they have a GPU for themselves where a teacher runs on one."""

    @wraps(work)
    def asking(context: dg.AssetExecutionContext, catalogue: CatalogueResource) -> dg.MaterializeResult[Any]:
        with judged_errors(context):
            section = catalogue.load().domain(context.partition_key)
            with device_of(catalogue) if asks_on_device(section) else nullcontext():
                return finite_result(work(context, catalogue))

    return asking


@contextmanager
def device_of(catalogue: CatalogueResource) -> Iterator[None]:
    """Have a device for a while."""
    with leased_device(catalogue.load().inference):
        yield
