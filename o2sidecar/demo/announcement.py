"""What the demo prints: what to open, who to sign in as, and what to do where names do not resolve."""

from __future__ import annotations

from o2sidecar.demo.people import ADMITTED_GROUP, PEOPLE
from o2sidecar.demo.plan import Plan


def announcement(plan: Plan) -> str:
    """The text for people, ended by one line for programs: `ready app1=URL app2=URL provider=URL`."""
    first = f"your app at {plan.own_app}" if plan.own_app else "a page that shows who you are"
    lines = [
        "",
        "The o2sidecar demo is running, on this machine alone.",
        "",
        f"  Open          {plan.app1_url}/    {first}",
        f"  then          {plan.app2_url}/    already signed in: one cookie for both",
        "",
        "  Sign in as    " + "\n                ".join(_people()),
        "",
        *(_names(plan) if plan.named else ()),
        "  Ctrl-C stops everything; keys and accounts live in memory only.",
        "",
        f"ready app1={plan.app1_url} app2={plan.app2_url} provider={plan.provider_url}",
        "",
    ]
    return "\n".join(lines)


def _people() -> list[str]:
    return [
        f"{person.name} ({'is' if ADMITTED_GROUP in person.groups else 'is not'} in the group {ADMITTED_GROUP!r}, "
        f"{'let in' if ADMITTED_GROUP in person.groups else 'turned away'})"
        for person in PEOPLE
    ]


def _names(plan: Plan) -> list[str]:
    host = f"app1.{plan.host}"
    return [
        f"  Browsers find {host} by themselves. If yours does not: o2sidecar demo --host 127.0.0.1",
        f"  With curl:    curl --resolve {host}:{plan.app1_port}:{plan.listen} {plan.app1_url}/",
        "",
    ]
