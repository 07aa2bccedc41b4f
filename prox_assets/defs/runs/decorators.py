"""Decorators of asset functions: a GPU lease, errors that are tried again or end the step, metadata."""

import errno
import fcntl
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa

from prox_assets.config import AnyTeacher, Catalogue, Domain, Inference, LlmTeacherSection
from prox_assets.config.loading import load_catalogue
from prox_assets.defs.partitions import CatalogueResource, domains
from prox_assets.defs.ui import column_schema, finite_result
from prox_assets.errors import ProxError, described, explanation, redact_error, redacted_errors

GPU_POOL = "gpu"
VISIBLE = "CUDA_VISIBLE_DEVICES"
_LEASED = "PROX_LEASED_DEVICE"
_SECONDS_BETWEEN = 0.5


def is_in_process(teacher: AnyTeacher) -> bool:
    """Tell whether a teacher runs a model of its own here, on a device."""
    return isinstance(teacher, LlmTeacherSection) and teacher.checkpoint is not None


def asks_on_device(section: Domain) -> bool:
    """Tell whether a teacher of a domain, or one that it is compared with, runs on a device here."""
    return any(map(is_in_process, (section.teacher, *section.agreement.compare)))


def teacher_pool(catalogue: Catalogue) -> str | None:
    """The pool of the steps that ask teachers: that of the devices where any domain's run on one."""
    return GPU_POOL if any(map(asks_on_device, catalogue.domains.values())) else None


TEACHER_POOL = teacher_pool(load_catalogue())


def match_pool(instance: dg.DagsterInstance, devices: int) -> bool:
    """Set the limit of the pool "gpu" to the catalogue's devices; tells whether it was another one."""
    storage = instance.event_log_storage
    before = {limit.name: limit.limit for limit in storage.get_pool_limits()}.get(GPU_POOL)
    if before == devices:
        return False
    storage.set_concurrency_slots(GPU_POOL, devices)
    return True


@dg.sensor(
    name="device_pool",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Keeps the limit of the pool `gpu` at `devices` of the catalogue's profile.",
)
@redacted_errors()
def device_pool(context: dg.SensorEvaluationContext, catalogue: CatalogueResource) -> dg.SkipReason:
    """Compare and set; it asks for no run."""
    try:
        devices = catalogue.load().inference.devices
    except ProxError as error:
        return dg.SkipReason(str(error))
    changed = match_pool(context.instance, devices)
    return dg.SkipReason(f"the pool gpu has {devices} places{', as of now' if changed else ''}")


@contextmanager
def leased_device(inference: Inference, folder: Path | None = None) -> Iterator[str | None]:
    """Have a GPU for oneself, by a lock that ends with the process however that ends; yields its name.

    A pool counts steps and says nothing of devices, so two runs on two GPUs would both take the first. With
    more than one device, a process leases one before CUDA starts in it, sees that one alone from then on, and
    leases the same one again for later steps. With one device, or none, nothing is leased.
    """
    if inference.devices == 1 or inference.device == "cpu":
        yield None
        return
    place = folder or Path(tempfile.gettempdir()) / f"prox-devices-{os.getuid()}"
    place.mkdir(parents=True, exist_ok=True)
    name, lock = _wait_for_one(_candidates(inference.devices), place)
    os.environ[VISIBLE] = os.environ[_LEASED] = name
    try:
        yield name
    finally:
        os.close(lock)


def _candidates(devices: int) -> Sequence[str]:
    """The device that this process has had before; else those that it may see."""
    if _LEASED in os.environ:
        return [os.environ[_LEASED]]
    visible = [name for name in os.environ.get(VISIBLE, "").split(",") if name]
    return visible[:devices] or [str(number) for number in range(devices)]


def _wait_for_one(names: Sequence[str], place: Path) -> tuple[str, int]:
    while True:
        for name in names:
            lock = os.open(place / f"device-{name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                return name, lock
        time.sleep(_SECONDS_BETWEEN)


MAX_RETRIES = 3
_FIRST_WAIT, _LONGEST_WAIT = 15.0, 600.0

_PASSING_TYPES = {
    "OutOfMemoryError",  # torch.cuda: another process may be about to leave the device
    "AcceleratorError",  # torch: the device was lost
    "DistBackendError",  # torch.distributed: NCCL
    "EngineDeadError",  # vLLM
    "ConnectionClosedError",  # botocore, and the four that follow
    "ConnectTimeoutError",
    "EndpointConnectionError",
    "IncompleteReadError",
    "ReadTimeoutError",
}
_PASSING_CODES = {
    "InternalError",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_PASSING_ERRNOS = {errno.EIO, errno.EAGAIN, errno.EBUSY, errno.ESTALE, errno.ETIMEDOUT}
_PASSING_ERRNOS |= {errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH}
_ARROW = ("SLOW_DOWN", "NETWORK_CONNECTION", "SERVICE_UNAVAILABLE", "INTERNAL_FAILURE", "REQUEST_TIMEOUT")
_PASSING_WORDS = (
    "CUDA error",
    "CUBLAS_STATUS",
    "NCCL error",
    "Slow Down",
    "SlowDown",
    *(f"AWS Error {name}" for name in _ARROW),  # what Arrow's S3 says once its own attempts are spent
)
_LOST_DEVICE = ("AcceleratorError", "EngineDeadError", "DistBackendError")


def passes(error: BaseException) -> bool:
    """Tell whether an error, or one that it came from, may be gone when the same is done again.

    A lost device, a dead engine, a throttled or unreachable store, a device that is busy. Not a full disk:
    that needs a person. Nor anything that names its own remedy, unless it stems from one of these.
    """
    return any(_passes(one) for one in _chain(error))


def lost_device(error: BaseException) -> bool:
    """Tell whether models in this process are of no use any more."""
    return any(type(one).__name__ in _LOST_DEVICE or "CUDA error" in str(one) for one in _chain(error))


def wait_before(retry: int, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait before the retry of this number (from 0): doubled each time, with jitter of a half."""
    full = min(_FIRST_WAIT * 2.0**retry, _LONGEST_WAIT)
    return full * (0.5 + draw() / 2)


@contextmanager
def judged_errors(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Turn what goes wrong inside into a retry, or into a failure that is not tried again.

    Raises:
        RetryRequested: the error passes, and the step was not tried too often.
        Failure: it passes but was met on every try; or a person has to act first, as where a disk is full.
    """
    try:
        yield
    except (dg.RetryRequested, dg.Failure):
        raise
    except Exception as error:
        redact_error(error)  # Dagster stores the whole chain
        raise_judged(error, context.retry_number)
        raise


def raise_judged(error: Exception, retry: int) -> None:
    """Raise what Dagster is to do about an error; returns where that is nothing special."""
    if passes(error):
        if lost_device(error):
            forget_models()
        if retry < MAX_RETRIES:
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait_before(retry)) from error
        raise dg.Failure(
            f"{described(error)} This was met on {retry + 1} tries.", allow_retries=False
        ) from error
    explained = explanation(error)
    if explained is not None:
        raise dg.Failure(explained, allow_retries=False) from error


def forget_models() -> None:
    """Drop the refiners that are loaded, so that the next try loads them anew."""
    from prox_assets.refining.models import load_chunk_refiner, load_document_refiner

    load_document_refiner.forget()
    load_chunk_refiner.forget()


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _passes(error: BaseException) -> bool:
    if type(error).__name__ in _PASSING_TYPES or any(word in str(error) for word in _PASSING_WORDS):
        return True
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in _PASSING_ERRNOS:
        return True
    return _throttled(getattr(error, "response", None))


def _throttled(response: object) -> bool:
    """Read a botocore answer: throttling codes and everything from 500 on."""
    if not isinstance(response, dict):
        return False
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return response.get("Error", {}).get("Code") in _PASSING_CODES or status >= 500


OWNER = "team:data"
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


class Device(StrEnum):
    """What a domain asset runs on: no device, a GPU, or a GPU where one of its teachers needs it."""

    NONE = "none"
    GPU = "gpu"
    TEACHER = "teacher"


_GUARDS = {
    Device.NONE: (guarded, None),
    Device.GPU: (guarded_on_device, GPU_POOL),
    Device.TEACHER: (guarded_with_teachers, TEACHER_POOL),
}


def domain_asset(
    *,
    group: str,
    kinds: set[str],
    code_version: str,
    deps: Sequence[dg.AssetsDefinition] = (),
    device: Device = Device.NONE,
    schema: pa.Schema | None = None,
    checks: Sequence[dg.AssetCheckSpec] = (),
    automation: dg.AutomationCondition[Any] | None = None,
) -> Callable[[DomainWork], dg.AssetsDefinition]:
    """Make an asset of one domain of the function that does it; its docstring describes it.

    `code_version` is the one that the asset's configuration has in its fingerprint, where it has one.
    """
    guard, pool = _GUARDS[device]

    def decorate(work: DomainWork) -> dg.AssetsDefinition:
        return dg.asset(
            partitions_def=domains,
            deps=deps,
            group_name=group,
            kinds=kinds,
            owners=[OWNER],
            pool=pool,
            code_version=code_version,
            metadata={"dagster/column_schema": column_schema(schema)} if schema else None,
            check_specs=checks,
            automation_condition=automation,
        )(guard(work))

    return decorate
