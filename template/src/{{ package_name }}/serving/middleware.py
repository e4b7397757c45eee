"""ASGI middleware that bounds the size of a body and the time it may take to arrive."""

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 6_000_000
MAX_BODY_SECONDS = 30


class LimitBody:
    """Reads the body before the application does, and answers 413 or 408 in its place."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; the application gets the body as one message."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            async with asyncio.timeout(MAX_BODY_SECONDS):
                message = await read_body(receive)
        except TimeoutError:
            return await refuse(408, "The body takes too long to arrive.")(scope, receive, send)
        if len(message.get("body", b"")) > MAX_BODY_BYTES:
            detail = f"The body has more than {MAX_BODY_BYTES:,} bytes."
            return await refuse(413, detail)(scope, receive, send)
        messages = [message]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        return await self.app(scope, replay, send)


async def read_body(receive: Receive) -> Message:
    """The whole body as one message, cut off soon after MAX_BODY_BYTES."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > MAX_BODY_BYTES:
            return {"type": "http.request", "body": bytes(body)}


def refuse(status: int, detail: str) -> JSONResponse:
    """A response as FastAPI's own errors have it."""
    return JSONResponse({"detail": detail}, status)
