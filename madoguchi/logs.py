"""Logs without personal data: what customers type, slots and exception messages never reach a handler."""

from __future__ import annotations

import logging
import sys
import traceback
import warnings
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

from madoguchi.text import mask

_SAFE_KEYS = frozenset({"event", "level", "logger", "timestamp", "event_info", "error_id", "status", "action", "kind"})


def _where(error: BaseException | None, trace: TracebackType | None) -> str:
    """The class of an error and the place it came from, without its message."""
    frames = traceback.extract_tb(trace)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def _only_safe_keys(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    error = event.get("exc_info")
    safe = {key: mask(str(value)).text for key, value in event.items() if key in _SAFE_KEYS}
    if error:
        kind = error if isinstance(error, BaseException) else sys.exc_info()[1]
        safe["error"] = _where(kind, kind.__traceback__ if kind else None)
    return safe


class _Redact(logging.Filter):
    """Masks personal data in a record's message and leaves of an exception its class and place."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        if record.exc_info and record.exc_info[1] is not None:
            message = f"{message.splitlines()[0] if message else ''} ({_where(record.exc_info[1], record.exc_info[2])})"
        record.exc_info = record.exc_text = record.stack_info = None
        record.msg, record.args = mask(message).text, ()
        return True


def _short_warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    return f"{filename}:{lineno}: {category.__name__}\n"


def configure(with_structlog: bool = True) -> None:
    """Make every log of this process safe; called on import by the channel, the components and the action server.

    Args:
        with_structlog: whether something logs by it, as Rasa does.
    """
    if with_structlog:
        _configure_structlog()
    redact = _Redact()
    original = logging.getLogRecordFactory()
    if getattr(original, "redacts", False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original(*args, **kwargs)
        redact.filter(record)
        return record

    factory.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)
    warnings.formatwarning = _short_warning


def _configure_structlog() -> None:
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,  # first: Rasa has a dozen lines of debugging for each message
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _only_safe_keys,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
