"""What a run writes to the terminal: one short line an event, named by its asset."""

import logging
from typing import Any

import dagster as dg

from prox_assets.redaction import redact


class _StepFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        step = meta.get("step_key") or meta.get("job_name") or record.name
        message = meta.get("orig_message") or record.getMessage()
        return redact(f"{self.formatTime(record, '%H:%M:%S')} {step}: {message}")


@dg.logger(config_schema={"log_level": dg.Field(str, is_required=False, default_value="INFO")})
def console(context: dg.InitLoggerContext) -> logging.Logger:
    """Write events of `log_level` and above to the terminal."""
    logger = logging.Logger("prox", level=context.logger_config["log_level"])
    handler = logging.StreamHandler()
    handler.setFormatter(_StepFormatter())
    logger.addHandler(handler)
    return logger
