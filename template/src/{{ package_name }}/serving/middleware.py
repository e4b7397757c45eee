"""ASGI middleware: limits of a request's body, and how long requests take."""

import asyncio
import time

from prometheus_client import Histogram
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 6_000_000
MAX_BODY_SECONDS = 30
SECONDS = Histogram(
    "request_seconds", "Duration of requests by path and status.", ["path", "status"]
)


class LimitBody:
    """Reads the body before the application does, and refuses one that is too large or slow."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the body on as one message, or answer 408 or 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(MAX_BODY_SECONDS):
                message = await read_body(receive)
        except TimeoutError:
            detail = f"The body must arrive within {MAX_BODY_SECONDS} seconds."
            await JSONResponse({"detail": detail}, 408)(scope, receive, send)
            return
        if len(message.get("body", b"")) > MAX_BODY_BYTES:
            detail = f"The body must have at most {MAX_BODY_BYTES:,} bytes."
            await JSONResponse({"detail": detail}, 413)(scope, receive, send)
            return
        messages = [message]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)


async def read_body(receive: Receive) -> Message:
    """The whole body as one message, cut off soon after MAX_BODY_BYTES."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > MAX_BODY_BYTES:
            return {"type": "http.request", "body": bytes(body), "more_body": False}


class MeasureTime:
    """Observes the duration of each request to a known path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Observe the time until the response's status is sent."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The route's own path, because a client could name any number of others.
                path = getattr(scope.get("route"), "path", "")
                seconds = time.perf_counter() - started
                SECONDS.labels(path, message["status"]).observe(seconds)
            await send(message)

        await self.app(scope, receive, observe)
