"""`o2sidecar keys`: a new cookie secret, alone or in the Secrets of a manifest, where former ones go on opening."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, field, frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.arguments import Once, parser_of
from o2sidecar.kubernetes.container import SECRET
from o2sidecar.kubernetes.cookie_secrets import new_cookie_secret
from o2sidecar.kubernetes.ending import ended
from o2sidecar.kubernetes.findings import ManifestProblem, Place
from o2sidecar.kubernetes.operations import Operation
from o2sidecar.kubernetes.secret_values import SecretValues, written
from o2sidecar.kubernetes.terminal import STANDARD, Terminal
from o2sidecar.kubernetes.text import Stream
from o2sidecar.kubernetes.whole_file import OWNER_ONLY, put
from o2sidecar.session.keys import CookieKey
from o2sidecar.settings.files import lines_of, without_line_break

_PRESENT, _FORMER = "cookie-secret", "accepted-cookie-secrets"
_KEEP = 3

_DESCRIPTION = """\
  o2sidecar keys new                  prints a new cookie secret
  o2sidecar keys rotate -f FILE       puts a new one into the Secrets of a manifest, and the present one first among
                                      those that are accepted still, so that nobody has to sign in anew
"""
_EPILOG = """\
examples:
  o2sidecar keys new > cookie-secret.txt
  o2sidecar keys rotate -f o2/secret.yaml && kubectl apply -k o2
  o2sidecar keys rotate -f - -o - < secret.yaml | kubeseal > sealed.yaml

Nothing else in the file changes, and secrets are printed only where -o - asks for it. Sidecars take the new secret
over while they run (`cookie_secret_file`, `accepted_cookie_secrets_file`). Rotate again when sessions of the former
secret are over (`cookie_expire`, a week): it is dropped after --keep rotations. To sign everybody out at once rotate
with --keep 0 and restart the sidecars: those that run go on accepting what they have accepted.

Exit status 0 when it is done, 1 when it cannot be, 2 for arguments that make no sense.
"""


@frozen(kw_only=True)
class Rotation:
    """Puts new cookie secrets into Secrets, the same one where the present one was the same.

    Attributes:
        name: of the Secrets.
        keep: how many former secrets are accepted still.
        make: a new secret.
    """

    name: str
    keep: int
    make: Callable[[], str]
    _made: dict[str, str] = field(factory=dict, init=False, repr=False)

    def operations(self, document: Mapping[str, Any], values: SecretValues) -> Iterator[Operation]:
        """What changes in a Secret; raises `ManifestProblem`."""
        present = without_line_break(values.text(_PRESENT))
        former = lines_of(values.text(_FORMER))
        for key, secret in ((_PRESENT, present), *((_FORMER, one) for one in former)):
            try:
                CookieKey.from_text(secret)
            except ValueError as error:
                raise ManifestProblem.at(values.place, f"{key}: {error}", object=values.object) from None
        if document.get("immutable") is True:
            sentence = "it is immutable: the API server would take no other values; make a new Secret"
            raise ManifestProblem.at(values.place, sentence, object=values.object)
        if present not in self._made:
            self._made[present] = self.make()
        accepted = list(dict.fromkeys([present, *former]))[: self.keep]
        half = values.half(_PRESENT)
        yield Operation(op="replace", path=(half, _PRESENT), value=written(half, self._made[present]))
        there = values.half(_FORMER)
        yield Operation(
            op="replace" if there else "add",
            path=(there or half, _FORMER),
            value=written(there or half, "".join(f"{secret}\n" for secret in accepted)),
        )

    def rotated(self, text: str, name: str) -> str:
        """The text of a manifest with other secrets; `name` is that of its file. Raises `ManifestProblem`."""
        stream = Stream.read(text, name)
        edits: dict[int, list[Operation]] = {}
        for document in stream.documents:
            for path, one in objects.each(document.data):
                if not objects.is_a(one, "", "Secret") or objects.name(one) != self.name:
                    continue
                values = SecretValues.of(one, document.place(path))
                if values.half(_PRESENT):
                    made = self.operations(one, values)
                    edits.setdefault(document.index, []).extend(evolve(each, path=(*path, *each.path)) for each in made)
        if not edits:
            raise ManifestProblem.at(Place(name=name), f"there is no Secret {self.name} with a {_PRESENT}")
        return stream.edited(edits)


def main(arguments: Sequence[str], terminal: Terminal | None = None) -> int:
    """Make secrets; see the `--help` for the exit status."""
    terminal = terminal or Terminal.of_process()
    given = _parsed(arguments)
    if given.what == "new":
        terminal.out(f"{new_cookie_secret(terminal.random)}\n")
        return 0
    output = given.output or given.file
    if given.keep < 0 or (output == STANDARD and not given.output):
        why = "-o - has to ask for secrets on standard output" if given.keep >= 0 else "--keep must not be negative"
        return terminal.refuse("keys rotate", [why], 2)
    return ended("keys rotate", terminal, lambda: _rotate(given, output, terminal))


def _rotate(given: argparse.Namespace, output: str, terminal: Terminal) -> int:
    rotation = Rotation(name=given.secret, keep=given.keep, make=lambda: new_cookie_secret(terminal.random))
    text = rotation.rotated(terminal.text(given.file), given.file)
    if output == STANDARD:
        terminal.out(text)
        return 0
    put(output, text, OWNER_ONLY)
    terminal.say(f"{output} has a new cookie secret; the sidecars need this file: kubectl apply")
    return 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = parser_of("keys", _DESCRIPTION, _EPILOG)
    kinds = parser.add_subparsers(dest="what", required=True, metavar="new|rotate")
    kinds.add_parser("new", help="print a new cookie secret", allow_abbrev=False)
    rotate = kinds.add_parser("rotate", help="put a new one into a manifest's Secrets", allow_abbrev=False)
    rotate.add_argument("-f", "--file", action=Once, required=True, help="the manifest; -: standard input")
    rotate.add_argument(
        "-o", "--output", default="", metavar="FILE", help="where to; -: standard output; the same file"
    )
    rotate.add_argument("--secret", default=SECRET, metavar="NAME", help=f"name of the Secrets ({SECRET})")
    rotate.add_argument("--keep", type=int, default=_KEEP, metavar="N", help=f"former secrets to accept ({_KEEP})")
    return parser.parse_args(list(arguments))
