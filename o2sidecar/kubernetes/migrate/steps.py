"""One step of a plan, and the commands that steps are made of."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes.migrate.landscape import Route, Seen


@frozen(kw_only=True)
class Step:
    """What to do, how to see that it worked, and how to undo it; each is commands for a shell, and `#` remarks.

    Attributes:
        title: what it does.
        why: what it is for, and what holds until the next.
        app: whose it is; empty: everybody's.
    """

    title: str
    why: str
    do: tuple[str, ...]
    check: tuple[str, ...]
    back: tuple[str, ...]
    app: str = ""


def command(*words: str) -> str:
    """A command whose words a shell takes as they are."""
    return shlex.join(words)


def kubectl(seen: Seen, *words: str) -> str:
    """`kubectl` in the namespace of an object."""
    return command("kubectl", "-n", seen.namespace, *words)


def delete(seen: Seen) -> str:
    """Take an object away."""
    return kubectl(seen, "delete", seen.kind, seen.name)


def apply(seen: Seen) -> str:
    """Put an object back as its file has it."""
    return command("kubectl", "apply", "-f", seen.place.name)


def live(hosts: Sequence[str]) -> tuple[str, ...]:
    """Play a sign-in against these hosts."""
    return tuple(command("o2sidecar", "check", "--live", f"https://{host}") for host in hosts)


def rerouted(route: Route, destination: dict[str, Any]) -> tuple[str, str]:
    """The patch that leads a route elsewhere and has it try nothing twice, and the one that undoes it.

    Each first makes sure that things are as it expects.
    """
    rule = f"/spec/http/{route.http}"
    place = f"{rule}/route/{route.index}/destination"
    before, retries = route.destination, route.rule.get("retries")
    never = {"attempts": 0}
    there = [_operation("test", place, before), _operation("replace", place, destination)]
    back = [_operation("test", place, destination), _operation("replace", place, before)]
    if retries != never:
        there.append(_operation("add", f"{rule}/retries", never))
        back.append(
            _operation("replace", f"{rule}/retries", retries) if retries else _operation("remove", f"{rule}/retries")
        )
    return _patch(route.of, there), _patch(route.of, back)


def _operation(op: str, path: str, *value: Any) -> dict[str, Any]:
    return {"op": op, "path": path} | ({"value": value[0]} if value else {})


def _patch(seen: Seen, operations: list[dict[str, Any]]) -> str:
    return kubectl(seen, "patch", seen.kind, seen.name, "--type=json", "-p", json.dumps(operations))
