"""What a Secret holds, in `data` and `stringData`, as the API server understands it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.kubernetes.findings import ManifestProblem, Place


@frozen(kw_only=True)
class SecretValues:
    """The values of a Secret: those of `stringData` win, those of `data` are in base64.

    Attributes:
        data: as it stands there.
        string_data: as it stands there.
        place: where the Secret stands.
        object: how it is called in messages.
    """

    data: Mapping[str, str] = field(repr=False)
    string_data: Mapping[str, str] = field(repr=False)
    place: Place
    object: str

    @classmethod
    def of(cls, document: Mapping[str, Any], place: Place) -> SecretValues:
        """Of a Secret as plain data; raises `ManifestProblem` if it holds anything but texts."""
        metadata = document.get("metadata") or {}
        name = f"Secret {metadata.get('namespace') or 'default'}/{metadata.get('name')}"
        halves = [document.get(half) or {} for half in ("data", "stringData")]
        for half, values in zip(("data", "stringData"), halves, strict=True):
            if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
                sentence = f"{half} holds something that is no text; put it in quotes"
                raise ManifestProblem.at(place, sentence, object=name)
        return cls(data=halves[0], string_data=halves[1], place=place, object=name)

    def half(self, key: str) -> str:
        """Where the value of a key that counts stands: `stringData` or `data`; empty if there is none."""
        return next((half for half in ("stringData", "data") if key in self._half(half)), "")

    def text(self, key: str) -> str:
        """A value; empty without one. Raises `ManifestProblem`."""
        half = self.half(key)
        if half != "data":
            return self.string_data.get(key, "")
        try:
            return base64.b64decode("".join(self.data[key].split()), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            sentence = f"{key} in data is no text in base64"
            raise ManifestProblem.at(self.place, sentence, object=self.object) from None

    def texts(self) -> dict[str, str]:
        """All values, by key; raises `ManifestProblem`."""
        return {key: self.text(key) for key in dict.fromkeys([*self.data, *self.string_data])}

    def _half(self, name: str) -> Mapping[str, str]:
        return self.string_data if name == "stringData" else self.data


def written(half: str, text: str) -> str:
    """A value as a half of a Secret has it."""
    return text if half == "stringData" else base64.b64encode(text.encode()).decode()
