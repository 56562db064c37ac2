"""`o2sidecar convert`: manifest in, manifest out; or a file of settings in, the structured file out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from o2sidecar.kubernetes.arguments import Once, parser_of
from o2sidecar.kubernetes.container import IMAGE, SidecarSpec
from o2sidecar.kubernetes.convert.manifest import Conversion
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.terminal import Misused, Terminal
from o2sidecar.settings.load import ConversionAsked, SettingsRefused, UsageRefused, load
from o2sidecar.settings.provider_kind import ProviderKinds

_DESCRIPTION = """\
Makes the oauth2-proxy containers of a manifest o2sidecar's: image, probes, security context and metrics are ours,
arguments, variables, mounts and ports stay theirs, and nothing else changes. Or writes a file of settings as the
structured file. What is different on purpose is told on standard error.
"""
_EPILOG = """\
examples:
  o2sidecar convert -f my-app.yaml > my-app-o2sidecar.yaml
  o2sidecar convert --config oauth2_proxy.cfg > o2sidecar.yaml

A flag, key or value that o2sidecar does not know is named. Give ConfigMaps and Secrets in the same stream, so that
the settings in them are judged as well. What a file of settings does not say of client id and secret, the structured
file takes from OAUTH2_PROXY_CLIENT_ID and OAUTH2_PROXY_CLIENT_SECRET.

Exit status 0 when it is converted, 1 when it cannot be and nothing is written, 2 for arguments that make no sense.
"""

_NAME = "convert"
_FROM_ENVIRONMENT = {
    "OAUTH2_PROXY_CLIENT_ID": "o2sidecar-convert-client-id",
    "OAUTH2_PROXY_CLIENT_SECRET": "o2sidecar-convert-client-secret",
    "OAUTH2_PROXY_COOKIE_SECRET": "0" * 32,
}
"""In the place of values that a file of settings need not have; the first two are found again in what comes of it."""


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Convert; see the `--help` for the exit status."""
    from o2sidecar.providers.registry import KnownProviders  # noqa: PLC0415 - it looks for those of other packages

    terminal = terminal or Terminal.of_process()
    given = _parsed(arguments)
    providers = KnownProviders()

    def do() -> int:
        try:
            text = (_structured if given.config else _converted)(given, terminal, providers)
        except (SettingsRefused, UsageRefused) as refused:
            return terminal.refuse(_NAME, [refused])
        terminal.out(text)
        return 0

    return ended(_NAME, terminal, do)


def _converted(given: argparse.Namespace, terminal: Terminal, providers: ProviderKinds) -> str:
    try:
        SidecarSpec(app_port=8080, image=given.image)
    except ValueError as error:
        raise Misused(f"--image: {error}") from None
    conversion = Conversion(image=given.image, namespace=given.namespace, providers=providers)
    converted = conversion.of(terminal.text(given.file), given.file)
    for note in converted.notes:
        terminal.say(f"o2sidecar {_NAME}: {note}")
    return converted.text


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = parser_of("convert", _DESCRIPTION, _EPILOG)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("-f", "--file", action=Once, help="the manifest; -: standard input")
    what.add_argument(
        "--config", metavar="FILE", help="a file of settings, such as oauth2_proxy.cfg; -: standard input"
    )
    parser.add_argument("-n", "--namespace", metavar="NS", default="default", help="of objects that say none (default)")
    parser.add_argument("--image", default=IMAGE, help=f"of the sidecar ({IMAGE})")
    return parser.parse_args(list(arguments))


def _structured(given: argparse.Namespace, terminal: Terminal, providers: ProviderKinds) -> str:
    path = given.config
    content = terminal.text(path).encode()

    def read_file(name: str) -> bytes:
        if name == path:
            return content
        raise FileNotFoundError(2, "it is not looked at here", name)

    arguments = [f"--config={path}", "--convert-config-to-alpha"]
    variables: dict[str, str] = {}
    # What stands in the file is not to be hidden by a stand-in; so they are there at the second attempt, if need be.
    while True:
        try:
            load(arguments, variables, read_file=read_file, providers=providers)
        except ConversionAsked as asked:
            return _told(asked, terminal)
        except SettingsRefused as refused:
            lacking = _lacking(refused)
            if not lacking or lacking.keys() <= variables.keys():
                raise
            variables |= lacking


def _lacking(refused: SettingsRefused) -> dict[str, str]:
    """Stand-ins for the credentials that a file of settings does not have."""
    missing = {
        name.rpartition(", ")[2].removesuffix(")")
        for problem in refused.problems
        if problem.sentence.startswith("is missing")
        for name in problem.names
    }
    return {
        variable: value
        for variable, value in _FROM_ENVIRONMENT.items()
        if variable.removeprefix("OAUTH2_PROXY_").lower() in missing
    }


def _told(asked: ConversionAsked, terminal: Terminal) -> str:
    for line in asked.remarks.splitlines():
        terminal.say(line)
    text = asked.text
    for variable, stand_in in _FROM_ENVIRONMENT.items():
        if not stand_in.startswith("0"):
            text = text.replace(stand_in, f"${{{variable}}}")
    return text
