"""YAML as plain data: mappings, lists and texts, nothing else; kinds are given to texts by whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from yaml import Mark, Node

Data = dict[str, "Data"] | list["Data"] | str | None
"""What a YAML document holds; a null is None."""

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_MOST_NODES = 20_000


def parse_yaml(text: str) -> Data:
    """The data of one document; an empty one is None.

    Raises `ValueError` with a sentence that says where by line and column: no YAML, a key that is there twice, a key
    that is no text, aliases within themselves, or so many nodes that aliases must be meant as a trap.
    """
    import yaml  # noqa: PLC0415 (only where there is a structured file)

    try:
        # Not libyaml's loader, which recurses in C: a file nested too deep would end the process.
        node = yaml.compose(text, Loader=yaml.BaseLoader)
        return _Tree().data(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise ValueError(f"{error.problem or 'it cannot be read'}{_at(error.problem_mark)}") from None
    except yaml.YAMLError:
        raise ValueError("it holds characters that YAML forbids") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


@define
class _Tree:
    """A tree being made from nodes."""

    nodes: int = 0

    def data(self, node: Node) -> Data:
        from yaml import MappingNode, ScalarNode, SequenceNode  # noqa: PLC0415

        self.nodes += 1
        if self.nodes > _MOST_NODES:
            raise ValueError(f"it has more than {_MOST_NODES} nodes")
        if isinstance(node, SequenceNode):
            return [self.data(item) for item in node.value]
        if isinstance(node, MappingNode):
            return self._mapping(node.value)
        assert isinstance(node, ScalarNode)
        plain = node.style is None or not node.style
        return None if plain and node.value in _NULLS else str(node.value)

    def _mapping(self, pairs: list[tuple[Node, Node]]) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for key_node, value_node in pairs:
            key = self.data(key_node)
            if not isinstance(key, str):
                raise ValueError(f"a key must be a text{_at(key_node.start_mark)}")
            if key in found:
                raise ValueError(f"the key {key[:80]!r} is there twice{_at(key_node.start_mark)}")
            found[key] = self.data(value_node)
        return found


def _at(mark: Mark | None) -> str:
    return f" (at line {mark.line + 1}, column {mark.column + 1})" if mark else ""
