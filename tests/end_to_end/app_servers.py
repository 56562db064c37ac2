"""The servers that apps run on, each with an app that writes down what was understood of each request."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import frozen

from tests.end_to_end.processes import BIN, Running, free_port

HERE = Path(__file__).resolve().parent
NGINX = """
worker_processes 1; daemon off; master_process off; error_log {folder}/errors.log; pid {folder}/pid;
events {{ }}
http {{
  log_format understood escape=json
    '{{"method": "$request_method", "target": "$request_uri", "size": "$content_length"}}';
  access_log off; client_max_body_size 8m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    # Reads a body whole and passes it on with its length: what it understood.
    location / {{ proxy_pass http://unix:{folder}/inner; proxy_set_header Host $host; }}
  }}
  server {{
    listen unix:{folder}/inner;
    access_log {file} understood;
    location / {{ add_header X-Origin 1; return 200 "ok"; }}
  }}
}}
"""

Request = tuple[str, str, int]
"""Method, target, and size of the body."""


@frozen(kw_only=True)
class AppServer:
    """A server that runs on `port`."""

    name: str
    port: int
    file: Path

    def understood(self) -> list[Request]:
        """The requests so far, in order."""
        if not self.file.exists():
            return []
        lines = [json.loads(line) for line in self.file.read_text("utf-8").splitlines()]
        return [(line["method"], line["target"], int(line["size"] or 0)) for line in lines]


def _nginx(folder: Path, port: int, file: Path) -> Sequence[str]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        raise AssertionError("nginx is missing: install Debian's nginx-light")
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, file=file))
    return [program, "-p", str(folder), "-c", str(configuration)]


def _node(folder: Path, port: int, file: Path) -> Sequence[str]:
    program = shutil.which("node")
    if program is None:
        raise AssertionError("node is missing: install Node.js 20 or newer")
    return [program, str(HERE / "understood.mjs"), str(port), str(file)]


def _gunicorn(folder: Path, port: int, file: Path) -> Sequence[str]:
    options = ["--worker-class=gthread", "--threads=4", "--no-control-socket", f"--bind=127.0.0.1:{port}"]
    return [str(BIN / "gunicorn"), *options, f"--pythonpath={HERE}", "understood:wsgi"]


def _uvicorn(folder: Path, port: int, file: Path) -> Sequence[str]:
    # Not on llhttp, which would read as the sidecar and Node.js do.
    options = ["--http=h11", "--ws=none", "--lifespan=off", "--no-access-log", f"--port={port}"]
    return [str(BIN / "uvicorn"), *options, f"--app-dir={HERE}", "understood:asgi"]


SERVERS: dict[str, Callable[[Path, int, Path], Sequence[str]]] = {
    "nginx": _nginx,
    "node": _node,
    "gunicorn": _gunicorn,
    "uvicorn": _uvicorn,
}


def start(name: str, folder: Path, run: Callable[[Sequence[str], dict[str, str]], Running]) -> AppServer:
    """Start one of `SERVERS` by `run`, which takes a command and variables; returns when it listens."""
    port, file = free_port(), folder / "understood"
    run(SERVERS[name](folder, port, file), {"UNDERSTOOD": str(file)}).await_listening(port)
    return AppServer(name=name, port=port, file=file)
