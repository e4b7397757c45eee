"""The request log: requests with their predictions as JSON lines, for `monitor`."""

import json
import logging
import os
import sys
import time
from logging.handlers import RotatingFileHandler
from typing import Any

from ..core.config import UserError
from ..core.rows import Rows

log = logging.getLogger(f"{__package__}.requests")


class RequestLog(RotatingFileHandler):
    """The file; errors of writing it do not repeat the request."""

    failed = False

    def shouldRollover(self, record: logging.LogRecord) -> int:  # noqa: N802 - its name in logging
        """Open the file again before each line, because logrotate may have moved it."""
        self.close()
        return super().shouldRollover(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - its name in logging
        """Report once that the file cannot be written, without what should have been in it."""
        if not self.failed:
            self.failed = True
            logging.getLogger(__name__).error("Requests cannot be logged: %s", sys.exc_info()[1])


def open_request_log() -> None:
    """Log to the file in REQUEST_LOG, if it is set, and keep the latest REQUEST_LOG_BYTES.

    Raises:
        UserError: The file cannot be written, or the size is no number.
    """
    path = os.environ.get("REQUEST_LOG")
    size = os.environ.get("REQUEST_LOG_BYTES") or "10000000"
    if not path:
        return
    try:
        handler = RequestLog(path, maxBytes=int(size) // 2, backupCount=1, encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"REQUEST_LOG={path}, REQUEST_LOG_BYTES={size}: {error}.", 2) from error
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def log_request(run_id: str, rows: Rows, predictions: list[dict[str, Any]]) -> None:
    """Append one line, if the log is open."""
    if log.handlers:
        record = {
            "time": time.time(),
            "run_id": run_id,
            "instances": rows,
            "predictions": predictions,
        }
        log.info(json.dumps(record, ensure_ascii=False))
