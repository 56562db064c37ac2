"""Property tests: generated manifests in mixed styles, changed at random."""

from __future__ import annotations

import os
import re

from attrs import evolve
from hypothesis import given, note, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.operations import Data, apply, same
from o2sidecar.kubernetes.text import Document, Stream
from o2sidecar.kubernetes.text.reading import read_slowly
from tests.kubernetes.text.manifests import changes, manifests, places
from tests.kubernetes.text.undoing import undoing

EXAMPLES = int(os.environ.get("O2SIDECAR_EXAMPLES", "50"))


class GeneratedTests(SynchronousTestCase):
    """What holds whatever the style."""

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(manifests())
    def test_read(self, manifest: tuple[Data, str]) -> None:
        """The text says the data that it was made from."""
        data, text = manifest
        note(text)
        self.assertTrue(same(Stream.read(text, "f").documents[0].data, data))

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(manifests())
    def test_both_parsers(self, manifest: tuple[Data, str]) -> None:
        """Neither a byte order mark nor the slower parser changes places or sources."""
        data, text = manifest
        one, other = (Stream.read(mark + text.lstrip("\ufeff"), "f").documents[0] for mark in ("", "\ufeff"))
        slow = Document(text=one.text, index=0, root=read_slowly(one.text)[0])
        for path in places(data):
            found = one.place(path), one.source(path)
            self.assertEqual(found, (other.place(path), other.source(path)))
            self.assertEqual(found, (slow.place(path), slow.source(path)))
        self.assertTrue(same(one.data, slow.data))

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.data())
    def test_edited(self, draw: st.DataObject) -> None:
        """The edited text says what the operations make of the data."""
        data, text = draw.draw(manifests())
        operations = draw.draw(changes(data))
        note(text)
        document = Stream.read(text, "f").documents[0]
        edited = document.edited(operations)
        note(edited)
        self.assertTrue(same(Stream.read(edited, "f").documents[0].data, apply(data, operations)))

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.data())
    def test_added_and_removed(self, draw: st.DataObject) -> None:
        """What is added takes no line away, and taking it out again gives back the text to the byte."""
        data, text = draw.draw(manifests())
        operations = draw.draw(changes(data, kinds=("add",)))
        note(text)
        document = Stream.read(text, "f").documents[0]
        edited = document.edited(operations)
        note(edited)
        back = Stream.read(edited, "f").documents[0].edited(undoing(document, operations))
        self.assertEqual(back, text)

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.data())
    def test_replaced_and_restored(self, draw: st.DataObject) -> None:
        """A scalar that is replaced is given back as it was written."""
        data, text = draw.draw(manifests())
        operations = draw.draw(changes(data, kinds=("replace",)))
        note(text)
        document = Stream.read(text, "f").documents[0]
        edited = document.edited(operations)
        note(edited)
        back = Stream.read(edited, "f").documents[0].edited(undoing(document, operations))
        self.assertEqual(back, text)

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(st.data())
    def test_untouched(self, draw: st.DataObject) -> None:
        """A change of one key leaves the lines of all others as they are."""
        data, text = draw.draw(manifests())
        document = Stream.read(text, "f").documents[0]
        at = draw.draw(st.integers(0, len(data) - 1))
        keys = list(data)
        inner = draw.draw(changes(data[keys[at]]))
        operations = [evolve(operation, path=(keys[at], *operation.path)) for operation in inner if operation.path]
        note(text)
        edited = document.edited(operations)
        note(edited)
        starts = [0, *(found.end() for found in re.finditer(r"\r?\n", text))]
        first, *following = [starts[document.place((key,)).line - 1] for key in keys[at : at + 2]]
        self.assertTrue(edited.startswith(text[:first]))
        self.assertTrue(not following or following[0] == first or edited.endswith(text[following[0] :]))
