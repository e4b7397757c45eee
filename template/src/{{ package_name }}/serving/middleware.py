"""ASGI middleware that bounds the time that a body may take to arrive."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_SECONDS = 30


class LimitBodyTime:
    """Answers 408 where the application waits too long for a body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        end = asyncio.get_running_loop().time() + MAX_BODY_SECONDS

        async def receive_in_time() -> Message:
            try:
                async with asyncio.timeout_at(end):
                    return await receive()
            except TimeoutError as error:
                raise HTTPException(408, "The body takes too long to arrive.") from error

        return await self.app(scope, receive_in_time, send)
