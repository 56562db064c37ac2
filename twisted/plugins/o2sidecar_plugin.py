"""Names `twistd o2sidecar` and its reactor; imports nothing of the program: `twistd --help` stays fast and safe."""

from twisted.application.reactors import Reactor
from twisted.application.service import ServiceMaker

o2sidecar = ServiceMaker(
    "o2sidecar",
    "o2sidecar.tap",
    "An authentication sidecar in front of one web app.",
    "o2sidecar",
)

lean_reactor = Reactor(
    "o2sidecar",
    "o2sidecar.http.reactor",
    "epoll with less work for each event (Linux); what `o2sidecar run` uses.",
)
