"""Apps that write down what their servers understood of each request: `wsgi` for gunicorn, `asgi` for uvicorn.

The file is named by the variable `UNDERSTOOD`; a line of it is JSON: method, target, size of the body.
"""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import Any


def _write_down(method: str, target: str, size: int) -> None:
    with open(os.environ["UNDERSTOOD"], "a", encoding="utf-8") as file:
        file.write(json.dumps({"method": method, "target": target, "size": size}) + "\n")


def wsgi(environ: dict[str, Any], start_response: Callable[[str, list[tuple[str, str]]], object]) -> Iterable[bytes]:
    """Read the whole body, write down, answer."""
    size = 0
    while piece := environ["wsgi.input"].read(65536):
        size += len(piece)
    _write_down(environ["REQUEST_METHOD"], environ["RAW_URI"], size)
    start_response("200 OK", [("X-Origin", "1"), ("Content-Length", "2")])
    return [b"ok"]


async def asgi(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """The same."""
    size, more = 0, True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            return
        size += len(event.get("body", b""))
        more = event.get("more_body", False)
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    _write_down(scope["method"], (scope["raw_path"] + query).decode("latin-1"), size)
    headers = [(b"x-origin", b"1"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})
