"""ASGI middleware that bounds the size of a body and the time it may take to arrive."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 6_000_000
MAX_BODY_SECONDS = 30


class LimitBody:
    """Answers 413 or 408 where the application reads a body that is too large or too slow."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        n_bytes = 0
        end = asyncio.get_running_loop().time() + MAX_BODY_SECONDS

        async def receive_limited() -> Message:
            nonlocal n_bytes
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
                    n_bytes += len(message.get("body", b""))
                    # Most clients read no response before they have sent the whole body.
                    while n_bytes > MAX_BODY_BYTES and message.get("more_body"):
                        message = await receive()
            except TimeoutError as error:
                raise HTTPException(408, "The body takes too long to arrive.") from error
            if n_bytes > MAX_BODY_BYTES:
                raise HTTPException(413, f"The body has more than {MAX_BODY_BYTES:,} bytes.")
            return message

        return await self.app(scope, receive_limited, send)
