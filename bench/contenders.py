"""The contenders: how each proxy is started, and how somebody signs in to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from secrets import token_urlsafe

from attrs import field, frozen

from bench.process import ServerProcess
from bench.provider import CLIENT_ID, CLIENT_SECRET
from bench.scene import Scene
from bench.sessions import COOKIE_SECRET, session_cookies
from bench.signin import sign_in
from bench.stock_proxy import COOKIE, signed

APACHE_MODULES = Path("/usr/lib/apache2/modules")


@frozen(kw_only=True)
class Contender:
    """A proxy that can be started.

    Attributes:
        sessions: gives Cookie field values of people who have just signed in, as many as that; the proxy must be
            running.
    """

    name: str
    port: int
    command: Sequence[str]
    output: Path
    cpu: int
    environment: Mapping[str, str] = field(factory=dict, repr=False)
    sessions: Callable[[int], Sequence[str]] = field(repr=False)

    def start(self) -> ServerProcess:
        """Start it; raises `ServerFailed` if it does not listen in time."""
        return ServerProcess.start(
            self.command,
            name=self.name,
            port=self.port,
            cpu=self.cpu,
            output=self.output,
            environment=self.environment,
        )


def _contender(
    scene: Scene,
    name: str,
    command: Sequence[str],
    sessions: Callable[[int], Sequence[str]],
    environment: Mapping[str, str] | None = None,
) -> Contender:
    return Contender(
        name=name,
        port=scene.ports[name],
        command=command,
        output=scene.folder / f"{name}.out",
        cpu=scene.proxy_cpu,
        environment=environment or {},
        sessions=sessions,
    )


def _minted(count: int) -> list[str]:
    """Sessions of o2sidecar. Bare nginx gets them as well: it has the same requests to pass on."""
    return list(islice(session_cookies(), count))


def _signed(count: int) -> list[str]:
    """Sessions of the stock proxy, about as long."""
    return [f"{COOKIE}={signed(f'person{n}@example.com:{token_urlsafe(650)}')}" for n in range(count)]


def _nginx(scene: Scene, name: str) -> Contender:
    conf = scene.configured("nginx.conf", PORT=scene.ports[name])
    return _contender(scene, name, ["nginx", "-c", str(conf)], _minted)


def _apache(scene: Scene, name: str) -> Contender:
    url = scene.url(name)
    conf = scene.configured(
        "apache.conf",
        PORT=scene.ports[name],
        URL=url,
        ISSUER=scene.issuer,
        CLIENT=CLIENT_ID,
        SECRET=CLIENT_SECRET,
        MODULES=APACHE_MODULES,
    )
    as_root = ["-D", "ROOT"] if os.geteuid() == 0 else []
    command = ["apache2", "-f", str(conf), "-D", "FOREGROUND", *as_root]
    # It renews a cookie that is a minute old with every answer, so each measurement begins with a fresh one.
    return _contender(scene, name, command, lambda count: [sign_in(f"{url}/") for _ in range(count)])


def _stock(scene: Scene, name: str) -> Contender:
    log = scene.folder / f"{name}-access.log"
    command = [sys.executable, "-m", "bench.stock_proxy", str(scene.ports[name]), str(scene.app), str(log)]
    return _contender(scene, name, command, _signed)


def _o2sidecar(scene: Scene, name: str) -> Contender:
    """Default settings, metrics on; the access log goes to a file, since standard output does."""
    settings = {
        "PROVIDER": "oidc",
        "OIDC_ISSUER_URL": scene.issuer,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "REDIRECT_URL": f"{scene.url(name)}/oauth2/callback",
        "CODE_CHALLENGE_METHOD": "S256",  # the provider insists
        "COOKIE_SECRET": COOKIE_SECRET,
        "COOKIE_SECURE": "false",  # the sign-ins come over plain HTTP
        "EMAIL_DOMAINS": "*",
        "HTTP_ADDRESS": f"127.0.0.1:{scene.ports[name]}",
        "UPSTREAMS": f"http://127.0.0.1:{scene.app}",
        "METRICS_ADDRESS": f"127.0.0.1:{scene.metrics}",
    }
    environment = {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
    command = [str(Path(sys.executable).with_name("o2sidecar")), "run"]
    return _contender(scene, name, command, _minted, environment)


CONTENDERS: Mapping[str, tuple[str, Callable[[Scene, str], Contender]]] = {
    "nginx": ("nginx, no authentication", _nginx),
    "apache": ("Apache with mod_auth_openidc", _apache),
    "stock": ("stock Twisted", _stock),
    "o2sidecar": ("o2sidecar", _o2sidecar),
}
"""Name on the command line to title and maker, in the order of the tables."""


def contenders(scene: Scene) -> list[Contender]:
    """Those of the scene."""
    return [CONTENDERS[name][1](scene, name) for name in scene.ports]
