"""A folder in the place of an app: which file a request is for, and how it is answered (CONTRACT §8)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from o2sidecar.http.exchange import Exchange, HeaderFields
from o2sidecar.http.message.status import REASONS
from o2sidecar.http.upstream.files.conditions import Validators
from o2sidecar.http.upstream.files.media_types import media_type
from o2sidecar.http.upstream.files.names import INDEX, OpenFile, name_of
from o2sidecar.http.upstream.files.ranges import Part, Span, length_of, multipart, spans_of
from o2sidecar.http.upstream.files.sending import Sending
from o2sidecar.refusals import BadRequest, NothingThere, Refusal, UpstreamFailed


class Folder:
    """Serves the files below a folder to GET and HEAD; there are no listings.

    Args:
        folder: its path; looked up anew for each request, so it may be a link that is changed.
        prefix: the beginning of paths that stands for the folder.
        name: what the log calls it.
        clock: the reactor's.
        random: gives so many random bytes.
        refuse: answers where there is nothing to serve.
    """

    def __init__(
        self,
        folder: str,
        *,
        prefix: bytes,
        name: str,
        clock: IReactorTime,
        refuse: Callable[[Exchange, Refusal], None],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._folder = os.fsencode(folder)
        self._prefix = prefix
        self._name = name
        self._clock = clock
        self._random = random
        self._refuse = refuse

    def serve(self, exchange: Exchange) -> None:
        """Answer a request."""
        self.pass_on(exchange, exchange.target)

    def pass_on(self, exchange: Exchange, target: bytes) -> None:
        """Answer a request as if it had this target."""
        exchange.upstream = self._name
        if exchange.identity is not None:
            exchange.also.extend(exchange.identity.response_fields)
        if exchange.method not in (b"GET", b"HEAD"):
            exchange.also.append((b"Allow", b"GET, HEAD"))
            self._refuse(
                exchange, BadRequest(reason="method_not_allowed", sentence="Files can only be read.", status=405)
            )
            return
        name = name_of(target.partition(b"?")[0][len(self._prefix) :])
        if name is None:
            self._nothing(exchange)
        elif not name or name.endswith(b"/"):
            self._serve_file(exchange, name + INDEX)
        else:
            self._serve_file(exchange, name)

    def _serve_file(self, exchange: Exchange, name: bytes) -> None:
        try:
            file = OpenFile.below(self._folder, name)
        except IsADirectoryError:
            self._serve_folder(exchange, name)
        except OSError as error:
            self._refuse_unopened(exchange, error)
        else:
            self._answer(exchange, file, media_type(name))

    def _serve_folder(self, exchange: Exchange, name: bytes) -> None:
        """A folder without its slash: redirect to what is served for it, if there is something."""
        try:
            OpenFile.below(self._folder, name + b"/" + INDEX).close()
        except OSError as error:
            self._refuse_unopened(exchange, error)
            return
        # A relative reference, since the path here may not be the client's; with a dot in front no segment is a scheme.
        _, _, segment = exchange.path.rpartition(b"/")
        _, mark, query = exchange.target.partition(b"?")
        exchange.answer(301, [(b"Location", b"./" + segment + b"/" + mark + query)])

    def _answer(self, exchange: Exchange, file: OpenFile, kind: bytes) -> None:
        validators = Validators.of(file.size, file.modified, self._clock.seconds())
        fields = [*validators.fields, (b"Accept-Ranges", b"bytes")]
        status = validators.status(exchange)
        spans = None
        if status == 200 and exchange.method == b"GET" and validators.allow_range(exchange):
            # RFC 9110 §14.2: after the conditions, and for GET alone.
            spans = spans_of(b",".join(exchange.values(b"range")), file.size)
        if status != 200 or spans == []:
            file.close()
            self._answer_without(exchange, status, fields, file.size)
            return
        parts: list[Part] = [Span(first=0, length=file.size)] if file.size else []
        if spans is not None:
            status = 206
            parts, kind = self._cut(spans, file.size, kind, fields)
        fields += [(b"Content-Type", kind), (b"X-Content-Type-Options", b"nosniff")]
        exchange.begin(status, REASONS[status], fields, length_of(parts))
        if exchange.method == b"HEAD":
            file.close()
            exchange.finish()
        else:
            Sending(exchange, file, parts, self._clock).start()

    def _cut(self, spans: list[Span], size: int, kind: bytes, fields: HeaderFields) -> tuple[list[Part], bytes]:
        """The parts of a 206 and its media type; adds the field that a single part needs (§15.3.7)."""
        if len(spans) == 1:
            fields.append((b"Content-Range", spans[0].content_range(size)))
            return list(spans), kind
        boundary = self._random(12).hex().encode("ascii")
        return multipart(spans, size, kind, boundary), b"multipart/byteranges; boundary=" + boundary

    def _answer_without(self, exchange: Exchange, status: int, fields: HeaderFields, size: int) -> None:
        """304, 412, or 416 where that was no answer yet."""
        if status != 200:
            exchange.begin(status, REASONS[status], fields, None if status == 304 else 0)
            exchange.finish()
            return
        exchange.also.append((b"Content-Range", b"bytes */%d" % size))
        sentence = "The file has no such part."
        self._refuse(exchange, BadRequest(reason="range_not_satisfiable", sentence=sentence, status=416))

    def _refuse_unopened(self, exchange: Exchange, error: OSError) -> None:
        if error.errno in _NOT_THERE:
            self._nothing(exchange)
        else:
            detail = f"a file cannot be opened: {error.strerror}"
            self._refuse(exchange, UpstreamFailed(reason="file_not_opened", detail=detail))

    def _nothing(self, exchange: Exchange) -> None:
        self._refuse(exchange, NothingThere(reason="no_file"))


_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO})
