"""The files that settings name: secrets are read from them, others are tried."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, TypeVar

from o2sidecar.policy.passwords import Passwords
from o2sidecar.session.keys import CookieKey
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.table import Options
from o2sidecar.settings.upstreams import Upstream

ReadFile = Callable[[str], bytes]
"""The bytes of a file by its name; raises `OSError` or `ValueError` if there are none."""

SECRETS: Mapping[str, str] = {
    "cookie_secret_file": "cookie_secret",
    "client_secret_file": "client_secret",
    "redis_password_file": "redis_password",
}
"""Keys of options that name a file, and of those whose value is in it."""

_AUTHORITIES = ("provider_ca_files", "upstream_ca_files", "redis_ca_path")
_PAIR = ("upstream_client_cert_file", "upstream_client_key_file")
_PEOPLE = ("authenticated_emails_file", "htpasswd_file")
_OF_PROVIDERS = (
    "oidc_public_key_files",
    "jwt_key_file",
    "google_service_account_json",
    "entra_id_federated_token_file",
)
_TRIED = (*_PEOPLE, *_AUTHORITIES, *_PAIR, *_OF_PROVIDERS, "custom_sign_in_logo", "accepted_cookie_secrets_file")

_T = TypeVar("_T")


def read_bytes(path: str, read_file: ReadFile) -> bytes:
    """A file's content; raises `ValueError` with a sentence that names the file."""
    try:
        return read_file(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ValueError(f"{shown(path)} cannot be read: {reason}") from None


def read_text(path: str, read_file: ReadFile) -> str:
    """A file's text; raises `ValueError` with a sentence that names the file and shows none of its content."""
    content = read_bytes(path, read_file)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{shown(path)} is not text in UTF-8 (at byte {error.start})") from None


def without_line_break(text: str) -> str:
    """A text without the one line break, LF or CRLF, that editors and `echo` leave at its end."""
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def read_secrets(values: Mapping[str, Any], read_file: ReadFile) -> tuple[dict[str, str], list[Problem]]:
    """The secrets that are in files, by the key of their option, and what is wrong.

    A secret that is given directly wins over its file. Exactly one line break at the end is not part of it.
    """
    secrets: dict[str, str] = {}
    problems = []
    for file_key, key in SECRETS.items():
        path = values.get(file_key)
        if not path or values.get(key):
            continue
        try:
            text = read_text(path, read_file)
        except ValueError as error:
            problems.append(Problem(names=(file_key,), sentence=str(error)))
            continue
        secrets[key] = without_line_break(text)
        if not secrets[key]:
            problems.append(Problem(names=(file_key,), sentence=f"{shown(path)} is empty"))
    return secrets, problems


def folder_complaint(path: str, read_file: ReadFile) -> str:
    """What is wrong with a folder whose files are to be served; empty if nothing is."""
    try:
        read_file(path)
    except IsADirectoryError:
        return ""
    except (OSError, ValueError) as error:
        return f"the folder {shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}"
    return f"{shown(path)} is no folder"


def unreadable(options: Options, read_file: ReadFile) -> Iterator[Problem]:
    """What is wrong with the other files and folders that the options name."""
    for folder in _folders(options.upstreams):
        if complaint := folder_complaint(folder, read_file):
            yield Problem(names=("upstreams",), sentence=complaint)
    for key in _TRIED:
        for path in _paths(options, key):
            if key == "custom_sign_in_logo" and (path == "-" or path.startswith(("http://", "https://"))):
                continue
            try:
                read_bytes(path, read_file)
            except ValueError as error:
                yield Problem(names=(key,), sentence=str(error))
    yield from _unusable_certificates(options, read_file)
    yield from _unusable_secrets(options, read_file)
    yield from _unusable_passwords(options, read_file)
    yield from _unusable_service_account(options, read_file)
    yield from _unusable_client_key(options, read_file)
    if options.logging_filename and (complaint := unwritable(options.logging_filename)):
        yield Problem(names=("logging_filename",), sentence=complaint)


def unwritable(path: str) -> str:
    """Why nothing can be appended to a file, in words; empty if it can be, or the file can be made. Makes none."""
    folder = os.path.dirname(path) or "."
    try:
        # Without O_NONBLOCK a FIFO that nobody reads would stop the process.
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
    except FileNotFoundError:
        if not os.path.isdir(folder):
            return f"{shown(path)} cannot be written: there is no folder {shown(folder)}"
        if not os.access(folder, os.W_OK | os.X_OK):
            return f"{shown(path)} cannot be written: nothing can be made in the folder {shown(folder)}"
    except (OSError, ValueError) as error:
        return f"{shown(path)} cannot be written: {getattr(error, 'strerror', None) or error}"
    return ""


def _paths(options: Options, key: str) -> list[str]:
    value = getattr(options, key)
    return [path for path in (value if isinstance(value, tuple) else (value,)) if path]


def _folders(uris: Iterable[str]) -> Iterator[str]:
    for uri in uris:
        with contextlib.suppress(ValueError):  # which is reported with the others of its kind
            if folder := Upstream.parse(uri).folder:
                yield folder


def _unusable_certificates(options: Options, read_file: ReadFile) -> Iterator[Problem]:
    """What is wrong with certificates in files that can be read."""
    for key in _AUTHORITIES:
        for path in _paths(options, key):
            with contextlib.suppress(ValueError):
                if not _holds_certificates(read_bytes(path, read_file)):
                    yield Problem(names=(key,), sentence=f"{shown(path)} holds no certificates in PEM that can be used")
    files = [getattr(options, key) for key in _PAIR if getattr(options, key)]
    if len(files) == 1:
        yield Problem(names=_PAIR, sentence="one is of no use without the other")
    elif files:
        with contextlib.suppress(ValueError):
            chain, private_key = (read_bytes(path, read_file) for path in files)
            if complaint := _complaint_about_pair(chain, private_key):
                yield Problem(names=_PAIR, sentence=complaint)


def lines_of(text: str) -> list[str]:
    """The secrets of a file that holds one a line; empty lines do not count."""
    return [line for line in text.splitlines() if line]


def _unusable_secrets(options: Options, read_file: ReadFile) -> Iterator[Problem]:
    """What is wrong with accepted secrets in a file that can be read."""
    key = "accepted_cookie_secrets_file"
    path = getattr(options, key)
    if not path:
        return
    try:
        text = read_text(path, read_file)
    except ValueError as error:
        if "UTF-8" in str(error):
            yield Problem(names=(key,), sentence=str(error))
        return
    for number, line in enumerate(text.splitlines(), 1):
        try:
            if line:
                CookieKey.from_text(line)
        except ValueError as error:
            yield Problem(names=(key,), sentence=f"{shown(path)}, line {number}: {error}")


def _unusable_passwords(options: Options, read_file: ReadFile) -> Iterator[Problem]:
    """What is wrong with an htpasswd file that can be read: all bad entries at once, by their users."""
    path = options.htpasswd_file
    if not path:
        return
    with contextlib.suppress(ValueError):
        content = read_bytes(path, read_file)
        try:
            passwords = Passwords.parse(content)
        except UnicodeDecodeError as error:
            sentence = f"{shown(path)} is not text in UTF-8 (at byte {error.start})"
            yield Problem(names=("htpasswd_file",), sentence=sentence)
            return
        if passwords.complaint:
            yield Problem(names=("htpasswd_file",), sentence=f"{shown(path)} has {passwords.complaint}")
        if passwords.need_bcrypt and find_spec("bcrypt") is None:
            sentence = f"{shown(path)} has bcrypt entries, which need the package bcrypt: install o2sidecar[passwords]"
            yield Problem(names=("htpasswd_file",), sentence=sentence)


def _unusable_service_account(options: Options, read_file: ReadFile) -> Iterator[Problem]:
    """What is wrong with the key of a service account in a file that can be read."""
    if options.google_service_account_json and options.provider == "google":
        from o2sidecar.oauth.service_account import ServiceAccount  # noqa: PLC0415 (as below)

        yield from _unusable(options, "google_service_account_json", read_bytes, ServiceAccount.parse, read_file)


def _unusable_client_key(options: Options, read_file: ReadFile) -> Iterator[Problem]:
    """What is wrong with a client's key in a file that can be read."""
    if options.jwt_key_file:
        from o2sidecar.oauth.client_key import ClientKey  # noqa: PLC0415 (as below)

        yield from _unusable(options, "jwt_key_file", read_text, ClientKey.parse, read_file)


def _unusable(
    options: Options,
    key: str,
    read: Callable[[str, ReadFile], _T],
    parse: Callable[[_T], object],
    read_file: ReadFile,
) -> Iterator[Problem]:
    """What is wrong with a file that can be read and is of a form that `parse` refuses by `ValueError`."""
    path = getattr(options, key)
    with contextlib.suppress(ValueError):
        content = read(path, read_file)
        try:
            parse(content)
        except ValueError as error:
            yield Problem(names=(key,), sentence=f"{shown(path)}: {error}")


def _holds_certificates(content: bytes) -> bool:
    from cryptography import x509  # noqa: PLC0415 (it is large, and needed only now)

    try:
        return bool(x509.load_pem_x509_certificates(content))
    except ValueError:
        return False


def _complaint_about_pair(chain: bytes, key: bytes) -> str:
    from o2sidecar.certificate import Certificate  # noqa: PLC0415 (as above)

    try:
        Certificate.parse(chain, key)
    except ValueError as error:
        return str(error)
    return ""
