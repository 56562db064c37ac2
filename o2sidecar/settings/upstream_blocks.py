"""The upstreams of the structured file."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from o2sidecar.policy.pattern import Pattern
from o2sidecar.policy.rewriting import Rewriting
from o2sidecar.settings import shape
from o2sidecar.settings.blocks import Block
from o2sidecar.settings.files import folder_complaint
from o2sidecar.settings.kinds import DURATION, NUMBER
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.shape import Key, Shape
from o2sidecar.settings.table import BY_KEY
from o2sidecar.settings.upstreams import Upstream, checked_path

_UPSTREAM = Shape(
    keys=(
        shape.text("id", "its name in the log and in metrics; no two have the same", required=True),
        shape.text(
            "path",
            "which requests it gets: a path, all below one that ends in /, or a pattern that begins with ^",
            required=True,
        ),
        shape.text("rewriteTarget", "what takes the place of what the pattern matches; $1 is its first group"),
        shape.text("uri", "where requests go: http(s)://HOST:PORT, unix://PATH or file://FOLDER"),
        shape.switch("static", "give a fixed answer instead"),
        Key(name="staticCode", help="status of the fixed answer", kind=NUMBER, default=200),
        Key(name="timeout", help=BY_KEY["upstream_timeout"].help, kind=DURATION, default=30.0),
        shape.switch("passHostHeader", BY_KEY["pass_host_header"].help, default=True),
        shape.switch("proxyWebSockets", BY_KEY["proxy_websockets"].help, default=True),
        shape.switch("insecureSkipTLSVerify", BY_KEY["ssl_upstream_insecure_skip_verify"].help),
        shape.switch("disableKeepAlives", BY_KEY["disable_keep_alives"].help),
        Key(name="flushInterval", help=BY_KEY["flush_interval"].help, kind=DURATION, default=1.0),
    )
)
UPSTREAM_CONFIG = Shape(
    keys=(
        shape.switch("proxyRawPath", "has no effect: paths are always passed on as they came"),
        shape.blocks("upstreams", "the apps", _UPSTREAM),
    )
)


def upstreams_of(root: Block) -> Iterator[Upstream]:
    """The good ones of `upstreamConfig`; the others are reported."""
    config = root.block("upstreamConfig")
    if config is None:
        return
    config.switch("proxyRawPath")
    for block in config.blocks("upstreams"):
        upstream = _upstream(block)
        if upstream is not None:
            yield upstream
    config.close()


def _upstream(block: Block) -> Upstream | None:
    block.value("flushInterval")
    id, path, uri = block.text("id"), block.text("path"), block.text("uri")
    rewrite_target = block.text("rewriteTarget")
    status = block.value("staticCode")
    parts = {
        "timeout": block.value("timeout"),
        "pass_host_header": block.switch("passHostHeader"),
        "proxy_websockets": block.switch("proxyWebSockets"),
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
