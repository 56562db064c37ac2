"""Loads settings for tests from arguments, variables and files that exist only in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.files import ReadFile
from o2sidecar.settings.load import Loaded, SettingsRefused, load

GOOD: Mapping[str, str] = {
    "OAUTH2_PROXY_PROVIDER": "oidc",
    "OAUTH2_PROXY_OIDC_ISSUER_URL": "https://idp.example.com",
    "OAUTH2_PROXY_CLIENT_ID": "app1",
    "OAUTH2_PROXY_CLIENT_SECRET": "shhh-client",
    "OAUTH2_PROXY_COOKIE_SECRET": "0123456789abcdef",
    "OAUTH2_PROXY_EMAIL_DOMAINS": "example.com",
    "OAUTH2_PROXY_UPSTREAMS": "http://127.0.0.1:8080/",
}
"""Variables that are enough to start."""


def load_with(
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    files: Mapping[str, bytes | str] | None = None,
    without: Sequence[str] = (),
) -> Loaded:
    """Load `GOOD`, changed by arguments, variables (`KEY` for `OAUTH2_PROXY_KEY`) and files; `without` some keys."""
    environment = {name: text for name, text in GOOD.items() if name.removeprefix("OAUTH2_PROXY_") not in without}
    for name, text in (variables or {}).items():
        environment[name if name.startswith(("OAUTH2_PROXY_", "O2SIDECAR_")) else f"OAUTH2_PROXY_{name}"] = text
    return load(arguments, environment, read_file=file_reader(files or {}), providers=KnownProviders())


def file_reader(files: Mapping[str, bytes | str]) -> ReadFile:
    """A `read_file` for files in memory; a name that ends in a slash is a folder."""

    def read_file(path: str) -> bytes:
        if path.rstrip("/") + "/" in files:
            raise IsADirectoryError(21, "Is a directory", path)
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        content = files[path]
        return content.encode() if isinstance(content, str) else content

    return read_file


def refusal_of(
    *arguments: str,
    variables: Mapping[str, str] | None = None,
    files: Mapping[str, bytes | str] | None = None,
    without: Sequence[str] = (),
) -> str:
    """The text with which such settings are refused; they must be."""
    try:
        loaded = load_with(*arguments, variables=variables, files=files, without=without)
    except SettingsRefused as refused:
        return str(refused)
    raise AssertionError(f"not refused: {loaded}")
