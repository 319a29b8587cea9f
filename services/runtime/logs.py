"""Logs: one line for each event on stderr, as text or as JSON (LAB_LOG).

Text of a peer must not forge a line or control a terminal, so control characters are escaped in both formats.
"""

import json
import logging
import sys
from datetime import UTC, datetime

from services.runtime.terminal import printable


class TextFormatter(logging.Formatter):
    """`2016-12-04T14:31:37Z INFO text`; the lines of a traceback are indented, so that none looks like an event."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_moment(record)} {record.levelname} {printable(record.getMessage())}"
        if not record.exc_info:
            return line
        return "\n".join(
            [line, *(f"  {printable(each)}" for each in self.formatException(record.exc_info).split("\n"))]
        )


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message and, if there was one, the exception."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def _moment(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def configure_logs(log_format: str) -> None:
    """Send all events from INFO up to stderr, in a format of LOG_FORMATS."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format == "json" else TextFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
