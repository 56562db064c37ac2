"""The upstreams of the structured file."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from o2sidecar.policy.pattern import Pattern
from o2sidecar.policy.rewriting import Rewriting
from o2sidecar.settings.blocks import Block
from o2sidecar.settings.files import folder_complaint
from o2sidecar.settings.kinds import DURATION, NUMBER
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.upstreams import Upstream, checked_path

_DEFAULT_TIMEOUT = 30.0


def upstreams_of(root: Block) -> Iterator[Upstream]:
    """The good ones of `upstreamConfig`; the others are reported."""
    config = root.block("upstreamConfig")
    if config is None:
        return
    config.switch("proxyRawPath")  # paths are always passed on as they came
    for block in config.blocks("upstreams"):
        upstream = _upstream(block)
        if upstream is not None:
            yield upstream
    config.close()


def _upstream(block: Block) -> Upstream | None:
    block.value("flushInterval", DURATION, 0.0)  # nothing is buffered
    id, path, uri = block.text("id"), block.text("path"), block.text("uri")
    rewrite_target = block.text("rewriteTarget")
    status = block.value("staticCode", NUMBER, 200)
    parts = {
        "timeout": block.value("timeout", DURATION, _DEFAULT_TIMEOUT),
        "pass_host_header": block.switch("passHostHeader", True),
        "proxy_websockets": block.switch("proxyWebSockets", True),
        "insecure_skip_verify": block.switch("insecureSkipTLSVerify"),
        "keep_alive": not block.switch("disableKeepAlives"),
    }
    if block.switch("static"):
        uri = f"static://{status}"
    if not id or not path or parts["timeout"] < 0:
        block.reading.refuse(block.path, "must have an id, a path, and no negative timeout")
        return None
    try:
        upstream = Upstream.parse(uri)
    except ValueError as error:
        block.refuse("uri", str(error))
        return None
    if upstream.folder and (complaint := folder_complaint(upstream.folder, block.reading.read_file)):
        block.refuse("uri", complaint)
        return None
    return _placed(block, evolve(upstream, id=id, path=path, **parts), rewrite_target)


def _placed(block: Block, upstream: Upstream, rewrite_target: str) -> Upstream | None:
    """An upstream at its path, which is a pattern if it begins with `^`, or if its requests are rewritten."""
    key = "path"
    try:
        if not rewrite_target and not upstream.path.startswith("^"):
            return evolve(upstream, path=checked_path(upstream.path))
        pattern = Pattern(upstream.path)
        key = "rewriteTarget"
        rewriting = Rewriting.parse(pattern, rewrite_target)
    except ValueError as error:
        block.refuse(key, str(error))
        return None
    if not pattern.anchored:
        sentence = "this pattern fits every path that has a match anywhere; begin it with ^."
        block.reading.cautions.append(Problem(names=(block.reading.name(block.at("path")),), sentence=sentence))
    return evolve(upstream, rewriting=rewriting)
