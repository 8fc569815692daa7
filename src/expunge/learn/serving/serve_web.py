"""Refuse requests for a model that may not serve: middleware for ASGI applications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from expunge.core.values import canonical
from expunge.learn.serving.serve_guard import ServeGuard, ServeRefusal

_POLICY = 1008
"""A connection that is closed because of a rule (RFC 6455)."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class AsgiServeGuard:
    """ASGI middleware: ``app = AsgiServeGuard(app, guard, ["/invocations"])``. Other paths pass.

    Refusals are ``application/problem+json`` (RFC 9457): 410 where these weights never serve again, 503 where it may be asked again later.
    """

    def __init__(self, app: Application, guard: ServeGuard, paths: Sequence[str] = ("/",)) -> None:
        """``paths``: those that the model answers, each with everything below it; all by default."""
        self._app = app
        self._guard = guard
        self._paths = tuple(path.rstrip("/") for path in paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or pass it on."""
        if scope["type"] not in {"http", "websocket"} or not any(f"{scope['path']}/".startswith(f"{path}/") for path in self._paths):
            await self._app(scope, receive, send)
            return
        found = self._guard.refusal()
        if scope["type"] == "websocket":
            await self._talk(found, scope, receive, send)
        elif found is None:
            await self._app(scope, receive, send)
        else:
            await _respond(send, self._guard.name, found)

    async def _talk(self, found: ServeRefusal | None, scope: Scope, receive: Receive, send: Send) -> None:
        """A connection may stay open for hours: each message is asked about."""
        if found is not None:
            await receive()
            await send({"type": "websocket.close", "code": _POLICY})
            return

        async def asked() -> MutableMapping[str, Any]:
            message = await receive()
            if message["type"] == "websocket.receive" and self._guard.refusal() is not None:
                await send({"type": "websocket.close", "code": _POLICY})
                return {"type": "websocket.disconnect", "code": _POLICY}
            return message

        await self._app(scope, asked, send)


async def _respond(send: Send, name: str, found: ServeRefusal) -> None:
    status, title = (410, "Gone") if found.for_good else (503, "Service Unavailable")
    body = canonical.encode({"title": title, "status": status, "detail": f"the model {name} may not serve: {found.reason}"})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    headers += [(b"retry-after", b"5")] if status == 503 else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
