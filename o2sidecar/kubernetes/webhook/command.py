"""`o2sidecar webhook`: serves the admission webhook over HTTPS until SIGTERM."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from o2sidecar.certificate import Certificate
from o2sidecar.foreground import Foreground
from o2sidecar.kubernetes.arguments import parser_of
from o2sidecar.kubernetes.container import CONFIG_MAP, IMAGE, SECRET
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.inject import InjectOptions
from o2sidecar.kubernetes.inject.options import from_flags
from o2sidecar.kubernetes.terminal import Terminal
from o2sidecar.service import SidecarService
from o2sidecar.settings.listeners import Address

_EPILOG = """\
The API server asks POST /mutate and POST /validate; GET /healthz is for probes. Pods that carry the label
o2sidecar/inject: "true" get the sidecar, by the annotations that `o2sidecar inject` knows; those that cannot have one
are refused. Certificate and key are read again when their files change.

example:
  o2sidecar webhook --listen 0.0.0.0:8443 --tls-cert-file /etc/webhook/tls.crt --tls-key-file /etc/webhook/tls.key

exit status: 0 ended by SIGTERM, 1 it cannot run, 2 misused
"""
_CONNECTIONS = 256
_SHUTDOWN = 10.0
"""Seconds that reviews under way have to be answered; the API server waits no longer than that for any."""


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Serve; see `--help` for the exit status."""
    terminal = terminal or Terminal.of_process()
    given = _parser().parse_args(list(arguments))
    foreground = Foreground()
    from twisted.internet import reactor  # noqa: PLC0415, TID251 - after --help and misuse

    from o2sidecar.observe.standard import begin_logging, standard_log  # noqa: PLC0415

    services: list[SidecarService] = []

    def make() -> int:
        flags = from_flags(image=given.image, config_map=given.config_map, secret=given.secret)
        for file in (given.tls_cert_file, given.tls_key_file):
            terminal.content(file)  # one that cannot be read is misuse, as with the other commands
        services.append(make_webhook(given.listen, given.tls_cert_file, given.tls_key_file, flags, reactor))
        return 0

    if status := ended("webhook", terminal, make):
        return status
    begin_logging(standard_log(write=_say, local=False))
    foreground.run(services[0], reactor)
    return 0


def make_webhook(where: str, certificate: str, key: str, flags: InjectOptions, reactor: Any) -> SidecarService:
    """The webhook as a service that does not listen yet.

    `where`: `HOST:PORT`; `certificate` and `key`: files. Raises `ValueError` with a sentence, or `OSError`, if they
    cannot be used.
    """
    from twisted.protocols.tls import TLSMemoryBIOFactory  # noqa: PLC0415 - after --help and misuse

    from o2sidecar.assembly.listening import listener_of  # noqa: PLC0415
    from o2sidecar.http.limits import Limits  # noqa: PLC0415
    from o2sidecar.http.listener.server import HttpServer  # noqa: PLC0415
    from o2sidecar.http.listener.tls import NewestCertificate  # noqa: PLC0415
    from o2sidecar.kubernetes.webhook.tree import tree_of  # noqa: PLC0415

    newest = NewestCertificate(
        load=lambda: Certificate.parse(Path(certificate).read_bytes(), Path(key).read_bytes()),
        paths=(certificate, key),
        name="--tls-cert-file, --tls-key-file",
        clock=reactor,
    )
    server = HttpServer(tree_of(flags), clock=reactor, limits=Limits(connections=_CONNECTIONS))
    secure = TLSMemoryBIOFactory(newest, isClient=False, wrappedFactory=server, clock=reactor)
    listener = listener_of(Address.parse(where, secure=True), secure, reactor)
    return SidecarService(
        listeners=[listener],
        background=[newest],
        ending=lambda: None,
        drain=lambda: server.drain(_SHUTDOWN),
        delay=0,
        clock=reactor,
        announce=[],
        warnings=[],
        flush=lambda: None,
    )


def _say(line: bytes) -> None:
    sys.stderr.buffer.write(line)
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("webhook", "Serve the admission webhook that puts the sidecar into pods.", _EPILOG)
    parser.add_argument("--listen", metavar="HOST:PORT", default="0.0.0.0:8443", help="where to listen (%(default)s)")
    parser.add_argument("--tls-cert-file", metavar="FILE", required=True, help="certificate, with its chain, in PEM")
    parser.add_argument("--tls-key-file", metavar="FILE", required=True, help="its key, in PEM")
    parser.add_argument("--image", default=IMAGE, help="the sidecar's image (%(default)s)")
    parser.add_argument("--config-map", metavar="NAME", default=CONFIG_MAP, help="its ConfigMap (%(default)s)")
    parser.add_argument("--secret", metavar="NAME", default=SECRET, help="its Secret (%(default)s)")
    return parser
