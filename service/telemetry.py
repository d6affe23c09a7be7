"""Log lines as JSON, each with the id of the request that it belongs to."""

from __future__ import annotations

import json
import logging
import re
import uuid
from contextvars import ContextVar
from datetime import UTC, datetime

from service.tracing import current_trace_id

_REQUEST_ID: ContextVar[str | None] = ContextVar("verso_request_id", default=None)
_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# What logging itself puts on a record; anything else came through `extra`.
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def begin_request(offered: str | None) -> str:
    """The id of the request that starts in this context: the client's, if it is a sane one, else a new one."""
    request_id = offered if offered and _ACCEPTED_ID.fullmatch(offered) else uuid.uuid4().hex
    _REQUEST_ID.set(request_id)
    return request_id


def current_request_id() -> str | None:
    """The id of the request that this context belongs to; None outside of one."""
    return _REQUEST_ID.get()


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, request_id, trace_id, and what `extra` added. Never text of
    users."""

    def format(self, record: logging.LogRecord) -> str:
        """The line of `record`."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := _REQUEST_ID.get():
            line["request_id"] = request_id
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        line |= {key: value for key, value in vars(record).items() if key not in _OWN_FIELDS}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str) -> None:
    """Send every logger's lines of `level` and above to stderr as JSON."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # The access log of our own (api/request_log.py) has the route and the pair; uvicorn's would be a second one.
    logging.getLogger("uvicorn.access").disabled = True
    # Of each kernel that it compiles it tells at debug all that it does: tens of thousands of lines, and minutes.
    logging.getLogger("numba").setLevel(logging.INFO)


def silence_logging() -> None:
    """Write no log lines: for commands, whose errors are their last line."""
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)
