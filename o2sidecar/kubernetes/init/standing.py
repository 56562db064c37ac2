"""A folder as it stands: what is kept of it, how new files differ, and how they are put there."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from attrs import frozen

from o2sidecar.kubernetes.container import SECRET
from o2sidecar.kubernetes.findings import ManifestProblem, Place
from o2sidecar.kubernetes.init.folder import IGNORE_FILE, POSSIBLE_FILES, SECRET_FILE
from o2sidecar.kubernetes.manifest_text import manifest_text
from o2sidecar.kubernetes.secret_values import SecretValues

_OWNER_ONLY = 0o600
_READABLE = 0o644


@frozen(kw_only=True)
class Standing:
    """What is in a folder of the files that are to be written.

    Attributes:
        folder: where it is, or is to be.
        texts: the files that are there, by name.
        values: what its Secret holds, by key; empty without one.
    """

    folder: Path
    texts: Mapping[str, str]
    values: Mapping[str, str]

    @classmethod
    def read(cls, folder: Path, names: Iterable[str]) -> Standing:
        """Of these files of a folder, which need not be there; raises `ManifestProblem`."""
        if folder.exists() and not folder.is_dir():
            raise ManifestProblem.at(Place(name=str(folder)), "this is no folder")
        texts = {name: text for name in names if (text := _text(folder / name)) is not None}
        return cls(folder=folder, texts=texts, values=_values(texts.get(SECRET_FILE), str(folder / SECRET_FILE)))

    def wanted(self, files: Mapping[str, str]) -> dict[str, str]:
        """The same files, but what people wrote otherwise to the same effect is kept."""
        wanted = dict(files)
        secret = self.texts.get(SECRET_FILE)
        if secret is not None and len(set(_masked(secret, files[SECRET_FILE]))) == 1:
            wanted[SECRET_FILE] = secret
        there = self.texts.get(IGNORE_FILE, "")
        if {SECRET_FILE, f"/{SECRET_FILE}"} & set(there.splitlines()):
            wanted[IGNORE_FILE] = there
        elif there:
            wanted[IGNORE_FILE] = f"{there.rstrip()}\n{SECRET_FILE}\n"
        return wanted

    def differences(self, files: Mapping[str, str]) -> Iterator[str]:
        """What these files would change of what is there, for people; shows no secret."""
        for name, text in files.items():
            there = self.texts.get(name)
            if there is None or there == text:
                continue
            before, after = (there, text) if name != SECRET_FILE else _masked(there, text)
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, f"{name} (new)", lineterm="")
            yield "\n".join(lines)

    def left_over(self, files: Mapping[str, str]) -> list[str]:
        """Files of an earlier realm in the folder that are none of these."""
        return [name for name in POSSIBLE_FILES if name not in files and (self.folder / name).exists()]

    def close(self) -> bool:
        """See to it that only its owner may read the file with the Secret; whether it was otherwise."""
        path = self.folder / SECRET_FILE
        others = bool(path.stat().st_mode & ~_OWNER_ONLY & 0o777)
        if others:
            path.chmod(_OWNER_ONLY)
        return others

    def write(self, files: Mapping[str, str]) -> None:
        """Put the files there, all of them or none; raises `OSError`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        made: list[tuple[Path, Path]] = []
        try:
            for name, text in files.items():
                place = self.folder / name
                beside = self.folder / f"{name}.{os.getpid()}.new"
                mode = _OWNER_ONLY if name == SECRET_FILE else _READABLE
                descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
                made.append((beside, place))
                with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                    file.write(text)
            for beside, place in made:
                beside.replace(place)
        except OSError:
            for beside, _ in made:
                beside.unlink(missing_ok=True)
            raise


def _text(path: Path) -> str | None:
    """The text of a file; `None` if there is none. A link leads elsewhere, and is never followed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ManifestProblem.at(Place(name=str(path)), f"this cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        what = "a link" if stat.S_ISLNK(mode) else "no regular file"
        raise ManifestProblem.at(Place(name=str(path)), f"this is {what}; take it away, or choose another folder")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ManifestProblem.at(Place(name=str(path)), f"this is not text in UTF-8 (at byte {error.start})") from None
    except OSError as error:
        raise ManifestProblem.at(Place(name=str(path)), f"this cannot be read: {error.strerror}") from None


def _documents(text: str, name: str) -> list[Any]:
    try:
        return list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = Place(name=name, line=mark.line + 1, column=mark.column + 1) if mark else Place(name=name)
        raise ManifestProblem.at(place, "this is no YAML, so the keys in it cannot be kept") from None


def _values(text: str | None, name: str) -> dict[str, str]:
    """What the first Secret of the realm holds."""
    for document in _documents(text, name) if text is not None else ():
        if _is_the_secret(document):
            return SecretValues.of(document, Place(name=name)).texts()
    return {}


def _is_the_secret(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("kind") != "Secret":
        return False
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and metadata.get("name") == SECRET


def _masked(before: str, after: str) -> tuple[str, str]:
    """Both files of Secrets with words in the place of their values: whether one is the same in both."""
    old, new = _documents(before, SECRET_FILE), _documents(after, SECRET_FILE)
    known = {_title(one): SecretValues.of(one, Place(name=SECRET_FILE)).texts() for one in old if _is_the_secret(one)}
    return _shown(old, known, "(as before)"), _shown(new, known, "(another value)")


def _shown(documents: Iterable[Any], known: Mapping[str, Mapping[str, str]], otherwise: str) -> str:
    shown: list[dict[str, Any]] = []
    for one in documents:
        if not _is_the_secret(one):
            shown.append({"kind": str(one.get("kind")) if isinstance(one, dict) else "no object"})
            continue
        before = known.get(_title(one), {})
        values = SecretValues.of(one, Place(name=SECRET_FILE)).texts()
        said = {key: "(as before)" if before.get(key) == value else otherwise for key, value in values.items()}
        metadata = {key: one["metadata"].get(key) for key in ("name", "namespace")}
        shown.append({"kind": "Secret", "metadata": metadata, "values": said})
    return manifest_text(shown)


def _title(document: Mapping[str, Any]) -> str:
    return f"{document['metadata'].get('namespace', '')}/{document['metadata']['name']}"
