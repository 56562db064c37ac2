"""The first step: what all sidecars share, made of what the central proxy is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from o2sidecar.kubernetes import objects
from o2sidecar.kubernetes.init.arguments import said_by_container
from o2sidecar.kubernetes.migrate.landscape import Seen
from o2sidecar.kubernetes.migrate.steps import Step, command, kubectl
from o2sidecar.kubernetes.oauth2_proxy import is_oauth2_proxy
from o2sidecar.settings.given import Given
from o2sidecar.settings.option import Option
from o2sidecar.settings.table import BY_KEY

FOLDER = "o2"
_BY_FLAGS: Mapping[str, str] = {
    "oidc_issuer_url": "--issuer",
    "github_org": "--allow-github-org",
    "email_domains": "--allow-email-domain",
    "allowed_groups": "--allow-group",
}
_BY_THE_REST = ("provider", "redirect_url", "client_id", "client_secret_file", "cookie_secret_file", "cookie_domains")
_OF_THE_PROXY_ALONE = ("tls_cert_file", "tls_key_file", "https_address", "metrics_secure_address", "logging_filename")
_NAMES_OF_FILES = ("_file", "_files", "_dir", "_json", "_path")


@frozen(kw_only=True)
class Shared:
    """What the sidecars of a plan share.

    Attributes:
        proxy: the central proxy.
        given: what it is told, by key.
        callback_host: the host that the provider sends everybody back to; empty: each app's own.
        of_app: whether that is an app's host.
        namespaces: where apps are.
        gateway: `NAMESPACE/NAME`; empty if it is not known.
        hosts: of the apps.
        unread: what may tell it more and is not in the files, as it is called.
    """

    proxy: Seen
    given: Mapping[str, Given]
    callback_host: str
    of_app: bool
    namespaces: Sequence[str]
    gateway: str
    hosts: Sequence[str]
    unread: Sequence[str]

    def step(self) -> Step:
        """Make it, beside what is there."""
        own_host = bool(self.callback_host) and not self.of_app
        files = [f"{FOLDER}/{name}.yaml" for name in ("config", "secret", *(["auth"] if own_host else []))]
        named = [word for name in files for word in ("-f", name)]
        first = self.namespaces[0]
        return Step(
            title="Make what the sidecars share",
            why="They have the central proxy's keys, so that sessions and sign-ins under way go on.",
            do=(
                "umask 077",
                *self._secrets(),
                *self._remarks(),
                self._init(own_host),
                command("kubectl", "apply", *named),
            ),
            check=(
                command("kubectl", "-n", first, "rollout", "status", "deployment/auth")
                if own_host
                else command("kubectl", "-n", first, "get", "secret/oauth2-proxy-secret"),
            ),
            back=(command("kubectl", "delete", *named),),
        )

    def _domain(self) -> str:
        domains = value_of(self.given, "cookie_domains") or ()
        if domains:
            return str(domains[0]).removeprefix("*").removeprefix(".")
        host = self.callback_host or next(iter(self.hosts), "app.example.com")
        return host.partition(".")[2]

    def _init(self, own_host: bool) -> str:
        words = ["o2sidecar", "init", "--domain", self._domain()]
        words += ["--provider", str(value_of(self.given, "provider") or BY_KEY["provider"].default)]
        words += [] if self._client_id else ["--client-id", str(value_of(self.given, "client_id") or "CLIENT-ID")]
        words += ["--client-secret-file", "client-secret", "--cookie-secret-file", "cookie-secret"]
        words += ["-n", ",".join(self.namespaces)]
        words += ["--gateway", self.gateway] if self.gateway else []
        if own_host:
            words += ["--shared-callback", "--auth-host", self.callback_host]
        elif self.callback_host:
            words += ["--set", f"redirect_url={value_of(self.given, 'redirect_url')}"]
        restricted = False
        for option, value in self._options():
            restricted = restricted or option.restricts or option.key in {"email_domains", "allowed_groups"}
            words += _words(option, value)
        words += ["--allow-any-user"] if not restricted and self._admits_anybody() else []
        line = command(*words, "-o", FOLDER)
        return f'{line} --client-id "$(cat client-id)"' if self._client_id else line

    def _admits_anybody(self) -> bool:
        """Whether the central proxy certainly lets everybody in; else `init` refuses until it is told who may pass."""
        return (
            "*" in (value_of(self.given, "email_domains") or ()) and not self.unread and not files_of_people(self.given)
        )

    def _options(self) -> Iterator[tuple[Option, Any]]:
        """The options of the central proxy that sidecars get, too, and their values."""
        for key, option in BY_KEY.items():
            value = value_of(self.given, key)
            if value is None or value == option.default or key in _BY_THE_REST or key in _OF_THE_PROXY_ALONE:
                continue
            if option.secret or option.flag in said_by_container() or key.endswith(_NAMES_OF_FILES):
                continue
            if not (key == "email_domains" and "*" in value):
                yield option, value

    def _secrets(self) -> Iterator[str]:
        """How the central proxy's secrets come into files."""
        for file in ("client-id", "client-secret", "cookie-secret"):
            reference = self._reference(file)
            if not reference:
                if file != "client-id":
                    yield f"# put what the central proxy has as its {file} into the file {file}"
                continue
            key = str(reference.get("key")).replace(".", "\\.")
            get = kubectl(self.proxy, "get", "secret", str(reference.get("name")), "-o", f"jsonpath={{.data.{key}}}")
            yield f"{get} | base64 -d > {file}"

    def _reference(self, name: str) -> Any:
        """The key of a Secret that the central proxy has as this variable; empty if it has it otherwise."""
        [container] = [one for one in objects.containers(objects.template(self.proxy.data)) if is_oauth2_proxy(one)]
        variable = f"OAUTH2_PROXY_{name.upper().replace('-', '_')}"
        found = [one for one in objects.items(container.get("env")) if one.get("name") == variable]
        return objects.mapping(objects.at(found[-1] if found else None, ("valueFrom", "secretKeyRef")))

    @property
    def _client_id(self) -> bool:
        """Whether the client's id comes from a Secret."""
        return bool(self._reference("client-id"))

    def _remarks(self) -> Iterator[str]:
        for one in self.unread:
            name = " ".join(one.split())
            yield f"# {name} may say more of who may pass and is not in these files: add what it says to o2sidecar init"
        for key, option in BY_KEY.items():
            value = value_of(self.given, key)
            if value in (None, option.default) or key in _BY_THE_REST or key in _OF_THE_PROXY_ALONE:
                continue
            if option.secret and key not in {"client_secret", "cookie_secret"}:
                yield f"# {key} is a secret: the sidecars need it as the variable {option.variable}"
            elif key.endswith(_NAMES_OF_FILES) and option.flag not in said_by_container():
                yield f"# {key} names a file: mount it into the sidecars, and add {key} to {FOLDER}/config.yaml"


def files_of_people(given: Mapping[str, Given]) -> list[str]:
    """The options that name a file of who may pass: `init` has no flags for these."""
    return [key for key in ("authenticated_emails_file", "htpasswd_file") if value_of(given, key)]


def value_of(given: Mapping[str, Given], key: str) -> Any:
    """An option as it was given; `None` if it was not, or cannot be read."""
    try:
        return given[key].read(BY_KEY[key].kind) if key in given else None
    except ValueError:
        return None


def _words(option: Option, value: Any) -> list[str]:
    flag = _BY_FLAGS.get(option.key)
    if flag is None:
        return ["--set", f"{option.key}={option.kind.to_text(value)}"]
    return [word for one in (value if isinstance(value, tuple) else (value,)) for word in (flag, one)]
