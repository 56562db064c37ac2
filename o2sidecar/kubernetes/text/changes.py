"""Operations gathered on a document's nodes: which entries stay, go, come, and which values are others."""

from __future__ import annotations

from attrs import Factory, define, evolve

from o2sidecar.kubernetes.findings import ManifestProblem
from o2sidecar.kubernetes.operations import END, Data, Operation, Verbatim, apply, pointer
from o2sidecar.kubernetes.text.lines import Text
from o2sidecar.kubernetes.text.nodes import Entry, Node

KEPT = object()
"""In the place of a new value: what stands in the text stays."""


@define(kw_only=True, eq=False)
class Slot:
    """A pair or an item as it will be.

    Attributes:
        key: of a pair; `None` for an item and for a merge key.
        entry: where it stands in the text; `None` if it is new.
        value: what it becomes, or `KEPT`.
        branch: what changes within it.
    """

    key: str | None
    entry: Entry | None = None
    value: Data = KEPT
    branch: Branch | None = None


@define(kw_only=True, eq=False)
class Branch:
    """A collection in which something changes; `changed`: whether entries come or go."""

    node: Node
    slots: list[Slot] = Factory(list)
    changed: bool = False

    @classmethod
    def of(cls, node: Node) -> Branch:
        """A collection before any change."""
        return cls(node=node, slots=[Slot(key=entry.key, entry=entry) for entry in node.entries])

    @property
    def whole(self) -> Data:
        """All it will hold; only where none of its entries stays."""
        if self.node.kind == "sequence":
            return [slot.value for slot in self.slots]
        return {slot.key: slot.value for slot in self.slots}

    def position(self, step: str | int) -> int | None:
        """Where the slot is that a step of a path leads to."""
        if self.node.kind == "sequence":
            return step if isinstance(step, int) else None
        return next((at for at, slot in enumerate(self.slots) if slot.key == step and slot.key is not None), None)


@define(kw_only=True)
class Changes:
    """All changes of a document; operations must have been found to fit its data."""

    text: Text
    root: Slot

    @classmethod
    def of(cls, text: Text, root: Node) -> Changes:
        """No change yet."""
        entry = Entry(start=root.start, header=root.start, key=None, value=root)
        return cls(text=text, root=Slot(key=None, entry=entry))

    def take(self, operation: Operation) -> None:
        """One operation more. Raises `ManifestProblem` for what cannot be written without changing something else."""
        if operation.op == "test":
            return
        slot = self.root
        for depth, step in enumerate(operation.path):
            rest = operation.path[depth:]
            if slot.value is not KEPT:
                value = slot.value.data if isinstance(slot.value, Verbatim) else slot.value
                slot.value = apply(value, [evolve(operation, path=rest, value=operation.data)])
                return
            branch = self._branch(slot, operation)
            if len(rest) == 1 and operation.op != "replace":
                self._last(branch, step, operation)
                return
            at = branch.position(step)
            if at is None:
                self._merged(branch, operation, rest)
                return
            slot = branch.slots[at]
        self._replace(slot, operation)

    def _branch(self, slot: Slot, operation: Operation) -> Branch:
        assert slot.entry
        node = slot.entry.value
        if node.kind == "alias":
            raise self._problem(operation, node.start, "it stands behind an alias, which would change what that is for")
        if node.used is not None:
            line = self.text.place(node.used).line
            raise self._problem(operation, node.start, f"the alias in line {line} stands for it too and would change")
        if slot.branch is None:
            slot.branch = Branch.of(node)
        return slot.branch

    def _merged(self, branch: Branch, operation: Operation, rest: tuple[str | int, ...]) -> None:
        """A key that is not written here: a merge key gives it, and one that is written wins over that."""
        if len(rest) == 1 and operation.op == "replace":
            branch.slots.append(Slot(key=str(rest[0]), value=operation.value))
            branch.changed = True
            return
        raise self._problem(
            operation, branch.node.start, "it comes by a merge key, and others may have it from there too"
        )

    def _last(self, branch: Branch, step: str | int, operation: Operation) -> None:
        """An entry comes or goes."""
        if operation.op == "remove":
            at = branch.position(step)
            if at is None:
                self._merged(branch, operation, (step,))
                return
            self._free(branch.slots[at], operation)
            del branch.slots[at]
        elif branch.node.kind == "sequence":
            at = len(branch.slots) if step == END else int(step)
            branch.slots.insert(at, Slot(key=None, value=operation.value))
        else:
            at = branch.position(step)
            if at is not None:
                self._replace(branch.slots[at], operation)
                return
            before = None if operation.before is None else branch.position(operation.before)
            at = len(branch.slots) if before is None else before
            branch.slots.insert(at, Slot(key=str(step), value=operation.value))
        branch.changed = True

    def _replace(self, slot: Slot, operation: Operation) -> None:
        self._free(slot, operation)
        slot.value, slot.branch = operation.value, None

    def _free(self, slot: Slot, operation: Operation) -> None:
        """What goes may not be what an alias elsewhere stands for."""
        if slot.entry is None or slot.value is not KEPT:
            return
        whole = slot.entry.value
        waiting = [whole]
        while waiting:
            node = waiting.pop()
            if node.used is not None and not whole.start <= node.used < whole.end:
                line = self.text.place(node.used).line
                raise self._problem(operation, node.start, f"the alias in line {line} stands for it")
            waiting.extend(entry.value for entry in node.entries)

    def _problem(self, operation: Operation, offset: int, why: str) -> ManifestProblem:
        sentence = (
            f"{pointer(operation.path) or 'the document'} cannot be changed: {why}; write it out there by hand first"
        )
        return ManifestProblem.at(self.text.place(offset), sentence)
