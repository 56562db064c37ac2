"""The page: puts what a run found out into docs/performance.md, between its marks."""

from __future__ import annotations

BEGIN = "<!-- begin: written by `make bench` -->"
END = "<!-- end: written by `make bench` -->"


def rewritten(page: str, generated: str) -> str:
    """The page with what stands between its marks replaced; raises `ValueError` if it has not one of each in order."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise ValueError(f"the page needs {BEGIN} and {END}, once each")
    return f"{before}{BEGIN}\n\n{generated.strip()}\n\n{END}{after}"
