"""Which errors are tried again."""

import errno

import dagster as dg
import pytest

from prox_assets.defs.runs.decorators import MAX_RETRIES, judged_errors, passes, wait_before
from prox_assets.errors import RefinerError, StoreError


class OutOfMemoryError(RuntimeError):
    """Named as torch's, which needs a device to be raised."""


class EngineDeadError(Exception):
    """Named as vLLM's."""


def _client_error(code: str, status: int) -> Exception:
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PutObject")  # type: ignore[arg-type]


PASSING = [
    OutOfMemoryError("CUDA out of memory"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("NCCL error in: ProcessGroupNCCL.cpp"),
    EngineDeadError("EngineCore encountered an issue"),
    ConnectionResetError("reset by peer"),
    TimeoutError("timed out"),
    OSError(errno.EIO, "Input/output error"),
    _client_error("SlowDown", 503),
    _client_error("ThrottlingException", 400),
    _client_error("Whatever", 500),
]
LASTING = [
    StoreError("it is not there"),
    OSError(errno.ENOSPC, "No space left on device"),
    PermissionError(errno.EACCES, "Permission denied"),
    KeyError("text"),
    _client_error("AccessDenied", 403),
    _client_error("NoSuchBucket", 404),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_known(error: Exception) -> None:
    assert passes(error)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_lasts_is_known(error: Exception) -> None:
    assert not passes(error)


def test_an_error_of_ours_passes_when_it_stems_from_one_that_does() -> None:
    error = RefinerError("the engine died")
    error.__cause__ = EngineDeadError()
    assert passes(error)


def test_waits_grow_and_differ() -> None:
    assert [wait_before(retry, lambda: 1.0) for retry in range(7)] == [15, 30, 60, 120, 240, 480, 600]
    assert wait_before(0, lambda: 0.0) == 7.5
    assert len({wait_before(1) for _ in range(20)}) > 1


def _run(error: Exception) -> dg.ExecuteInProcessResult:
    @dg.asset(name="broken")
    def broken(context: dg.AssetExecutionContext) -> None:
        with judged_errors(context):
            raise error

    return dg.materialize([broken], raise_on_error=False)


def _retries(result: dg.ExecuteInProcessResult) -> int:
    return len([event for event in result.all_events if event.event_type_value == "STEP_UP_FOR_RETRY"])


def test_a_step_is_tried_again_only_for_what_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prox_assets.defs.runs.decorators._FIRST_WAIT", 0.001)
    throttled = _run(_client_error("SlowDown", 503))
    assert _retries(throttled) == MAX_RETRIES
    assert "met on 4 tries" in str(throttled.get_step_failure_events())
    missing = _run(StoreError("raw_documents is not there: materialize it."))
    assert _retries(missing) == 0
    assert "raw_documents is not there: materialize it." in str(missing.get_step_failure_events())
    assert _retries(_run(KeyError("text"))) == 0


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space", "/data/rows.parquet"), "/data/rows.parquet: no space is left"),
        (OSError(errno.EROFS, "Read-only", "/data/rows.parquet"), "/data/rows.parquet: the file system is"),
        (MemoryError(), "lower inference.rows_per_commit"),
    ],
)
def test_what_a_person_has_to_mend_first_is_one_clear_line(error: Exception, words: str) -> None:
    result = _run(error)
    assert _retries(result) == 0
    (failure,) = result.get_step_failure_events()
    shown = failure.step_failure_data.user_failure_data
    assert shown is not None
    assert words in (shown.description or "")
    assert "\n" not in (shown.description or "")
