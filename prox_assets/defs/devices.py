"""GPUs: how many steps may use one at a time, and which of them has which."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from prox_assets.config import AnyTeacher, Catalogue, Domain, Inference, LlmTeacher
from prox_assets.config.loading import load_catalogue
from prox_assets.defs.resources import CatalogueResource
from prox_assets.errors import ProxError
from prox_assets.redaction import redacted_errors

GPU_POOL = "gpu"
VISIBLE = "CUDA_VISIBLE_DEVICES"
_LEASED = "PROX_LEASED_DEVICE"
_SECONDS_BETWEEN = 0.5


def is_in_process(teacher: AnyTeacher) -> bool:
    """Tell whether a teacher runs a model of its own here, on a device."""
    return isinstance(teacher, LlmTeacher) and teacher.checkpoint is not None


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
