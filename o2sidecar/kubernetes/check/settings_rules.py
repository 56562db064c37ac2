"""What the loader of settings says that no other rule is about."""

from __future__ import annotations

from collections.abc import Iterator

from o2sidecar.kubernetes.check import admission, cookies, secrets
from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene

_REFUSALS_TOLD_ELSEWHERE = secrets.COOKIE_SECRETS | cookies.LIFETIMES | admission.RESTRICTIONS
_CAUTIONS_TOLD_ELSEWHERE = secrets.COOKIE_SECRETS | cookies.SECURITY | admission.TRUST | {"email_domains"}


def _refused(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.verdicts:
            if verdict.refused and not verdict.keys & _REFUSALS_TOLD_ELSEWHERE:
                yield configuration.remark(verdict.sentence, *sorted(verdict.keys))


def _doubtful(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.verdicts:
            if not verdict.refused and not verdict.keys & _CAUTIONS_TOLD_ELSEWHERE:
                yield configuration.remark(verdict.sentence, *sorted(verdict.keys))


RULES = (
    error(
        "O2S001",
        "The settings are refused",
        "The proxy ends at once with this message, and the pod never becomes ready.",
        "Mend the setting that the message names; docs/configuration.md has them all.",
        _refused,
    ),
    warning(
        "O2S002",
        "A setting is doubtful",
        "The proxy starts and says this in its log, where nobody may look.",
        "Change the setting that the message names, or accept the finding.",
        _doubtful,
    ),
)
