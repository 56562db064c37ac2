"""The scene of a run: its folder, ports and CPUs, and the app and the provider that every proxy has behind it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from bench.cases import CASES
from bench.process import ServerProcess, free_ports

_CONF = Path(__file__).with_name("conf")


@frozen(kw_only=True)
class Scene:
    """Where things are. Proxies have `proxy_cpu` for themselves; everything else shares `other_cpu`."""

    folder: Path
    proxy_cpu: int
    other_cpu: int
    app: int
    echo: int
    provider: int
    metrics: int
    ports: dict[str, int]

    @classmethod
    def laid(cls, folder: Path, cpus: Sequence[int], contenders: Sequence[str]) -> Scene:
        """A scene in an empty folder, on the first two of some CPUs, with free ports."""
        folder.chmod(0o755)  # Apache's own user looks into it
        files = folder / "files"
        files.mkdir()
        for size in {case.size for case in CASES if case.path.startswith("/files/")}:
            (files / str(size)).write_bytes(b"o2sidecar bench\n" * (size // 16))
        app, echo, provider, metrics, *others = free_ports(4 + len(contenders))
        return cls(
            folder=folder,
            proxy_cpu=cpus[0],
            other_cpu=cpus[1],
            app=app,
            echo=echo,
            provider=provider,
            metrics=metrics,
            ports=dict(zip(contenders, others, strict=True)),
        )

    @property
    def issuer(self) -> str:
        """The provider."""
        return f"http://127.0.0.1:{self.provider}"

    def url(self, contender: str) -> str:
        """Where a proxy is, without a path."""
        return f"http://127.0.0.1:{self.ports[contender]}"

    def configured(self, name: str, **words: object) -> Path:
        """A configuration of `conf/` with its words filled in: `@FOLDER@`, `@APP@` and those given."""
        text = (_CONF / name).read_text()
        for word, value in {"FOLDER": self.folder, "APP": self.app, **words}.items():
            text = text.replace(f"@{word}@", str(value))
        path = self.folder / name
        path.write_text(text)
        return path

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """The app, the echo behind it and the provider, as long as the block lasts."""
        conf = self.configured("app.conf", ECHO=self.echo, KIBIBYTE="x" * 1024)
        callbacks = [f"{self.url(name)}{path}" for name in self.ports for path in ("/oauth2/callback", "/redirect_uri")]
        commands = {
            "echo": (self.echo, [sys.executable, "-m", "bench.echo", str(self.echo)]),
            "provider": (self.provider, [sys.executable, "-m", "bench.provider", str(self.provider), *callbacks]),
            "app": (self.app, ["nginx", "-c", str(conf)]),
        }
        with ExitStack() as running:
            for name, (port, command) in commands.items():
                output = self.folder / f"{name}.out"
                server = ServerProcess.start(command, name=name, port=port, cpu=self.other_cpu, output=output)
                running.callback(server.stop)
            yield
