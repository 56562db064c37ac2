"""Names the `twistd o2sidecar` command; imports nothing of the program, so that `twistd --help` stays fast and safe."""

from twisted.application.service import ServiceMaker

o2sidecar = ServiceMaker(
    "o2sidecar",
    "o2sidecar.tap",
    "An authentication sidecar in front of one web app.",
    "o2sidecar",
)
