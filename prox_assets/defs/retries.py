"""Which errors pass by themselves: those are tried again after a while, all others end the step at once."""

import errno
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from prox_assets.errors import described, explanation
from prox_assets.redaction import redact_error

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
    from prox_assets.refining.loaded import load_chunk_refiner, load_document_refiner

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
