"""Streams of documents: their data, the places of their values, and their text after a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from o2sidecar.kubernetes.findings import ManifestProblem, Place
from o2sidecar.kubernetes.operations import Data, Operation, Path, apply, same
from o2sidecar.kubernetes.text.changes import Changes
from o2sidecar.kubernetes.text.editing import splices_of
from o2sidecar.kubernetes.text.lines import Text
from o2sidecar.kubernetes.text.nodes import Entry, Node
from o2sidecar.kubernetes.text.reading import read_documents
from o2sidecar.kubernetes.text.splices import Splices


@frozen(kw_only=True, eq=False)
class Document:
    """One document of a stream.

    Attributes:
        text: the stream's.
        index: counted from 0; empty documents count.
        root: its value.
    """

    text: Text
    index: int
    root: Node

    @property
    def data(self) -> Data:
        """Its plain data, `None` for an empty one. Not to be changed: what aliases stand for is shared."""
        return self.root.data

    @property
    def start(self) -> Place:
        """Where its value begins."""
        return self.text.place(self.root.start)

    def place(self, path: Path) -> Place:
        """Where a value stands: its key, or it itself in a list.

        Where there is none, the place of what is nearest above: a finding about what is missing points to where it
        should be.
        """
        offset = self.root.content
        for entry in self._entries(path):
            offset = entry.start if entry.key is not None else entry.value.start
        return self.text.place(offset)

    def source(self, path: Path) -> str:
        """The text of a value, without key, comment, anchor and tag; empty for a null that is not written.

        Given back as `Verbatim`, a `replace` at the same path writes it as it was. Raises `ValueError` if there is
        nothing at the path, or if it stands behind an alias.
        """
        entries = list(self._entries(path))
        if len(entries) != len(path):
            raise ValueError("there is nothing that is written there")
        node = entries[-1].value if entries else self.root
        return self.text.characters[node.content : node.end]

    def edited(self, operations: Sequence[Operation]) -> str:
        """The whole stream's text after operations on this document; see `Stream.edited`."""
        return _edited(self.text, [self], {self.index: operations})

    def _entries(self, path: Path) -> Iterator[Entry]:
        """What a path leads through, as far as it is written."""
        node = self.root
        for step in path:
            found = entry_at(node, step)
            if found is None:
                return
            yield found
            node = found.value


@frozen(kw_only=True, eq=False)
class Stream:
    """Manifests as one text.

    Attributes:
        text: the text.
        documents: in its order.
    """

    text: Text
    documents: tuple[Document, ...]

    @classmethod
    def read(cls, text: str | bytes, name: str) -> Stream:
        """A stream of YAML or JSON; `name` is the file's for people, `-` for the standard input.

        Text has to come with its line breaks as they are in the file (`newline=""`). Raises `ManifestProblem` with
        line and column.
        """
        whole = Text(text if isinstance(text, str) else _decoded(text, name), name)
        return cls(
            text=whole,
            documents=tuple(
                Document(text=whole, index=index, root=root) for index, root in enumerate(read_documents(whole))
            ),
        )

    def edited(self, operations: Mapping[int, Sequence[Operation]]) -> str:
        """The text after operations on the documents of these indices; all else stays as it is, to the byte.

        Raises `ManifestProblem` for operations that do not fit, for what cannot be changed without changing something
        else (through an alias or a merge key), and where the text would not say what was asked for.
        """
        return _edited(self.text, self.documents, operations)


def _edited(text: Text, documents: Sequence[Document], operations: Mapping[int, Sequence[Operation]]) -> str:
    splices = Splices(text=text)
    expected: dict[int, Data] = {}
    for document in documents:
        wanted = operations.get(document.index, ())
        try:
            expected[document.index] = apply(document.data, wanted)
            changes = Changes.of(text, document.root)
            for operation in wanted:
                changes.take(operation)
            splices.pieces += splices_of(changes).pieces
        except ValueError as error:
            raise ManifestProblem.at(document.start, f"it cannot be changed: {error}") from None
    edited = splices.applied()
    if edited != text.characters:
        _verify(text, documents, edited, expected)
    return edited


def _verify(text: Text, documents: Sequence[Document], edited: str, expected: Mapping[int, Data]) -> None:
    """A last look: whatever the style, no text goes out that says something else than was asked for."""
    try:
        found = Stream.read(edited, text.name).documents
    except ManifestProblem:
        found = ()
    for document in documents:
        if document.index >= len(found) or not same(found[document.index].data, expected[document.index]):
            raise ManifestProblem.at(
                document.start,
                "it is written in a way that cannot be changed in place; write it in a plainer style first",
            )


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ManifestProblem.at(Place(name=name, line=line), "this is no UTF-8") from None


def entry_at(node: Node, step: str | int) -> Entry | None:
    """The pair or the item that a step of a path leads to."""
    if node.kind == "mapping":
        return next((entry for entry in node.entries if entry.key == step and entry.key is not None), None)
    if node.kind == "sequence" and isinstance(step, int) and 0 <= step < len(node.entries):
        return node.entries[step]
    return None
