"""Rules about secrets: keys that are none, values that nobody filled in, and where they should not be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from o2sidecar.kubernetes.check.configuration import Configuration
from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.surroundings import sources_of
from o2sidecar.kubernetes.check.thing import Thing, items, numbered, text
from o2sidecar.session.keys import CookieKey
from o2sidecar.settings.table import BY_KEY, OPTIONS

COOKIE_SECRETS = frozenset(
    {"cookie_secret", "cookie_secret_file", "accepted_cookie_secrets", "accepted_cookie_secrets_file"}
)
"""Options about what seals cookies."""
_SEED_KEYS = frozenset({"client-id", "client-secret", "cookie-secret"})
_PLACEHOLDER = re.compile(
    r"\$\(|\$\{|<[^<>]*>|\{\{|generate[-_ ]with|\byour[-_]|change[-_]?me|replace[-_]?(?:me|with|this)|\btodo\b"
    r"|\bplaceholder\b|x{6,}|\.\.\.|…",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"\$\([A-Za-z_][\w.-]*\)")
_SAYS_NOTHING = re.compile(r"(.)\1*", re.DOTALL)
_NEVER_PLACEHOLDERS = frozenset({"banner", "footer"})
_IDENTITIES = frozenset(
    {
        "client_id",
        "oidc_issuer_url",
        "redirect_url",
        "azure_tenant",
        "github_org",
        "github_team",
        "cookie_domains",
        "whitelist_domains",
        "email_domains",
        "allowed_groups",
        "login_url",
        "redeem_url",
    }
)


def _bad_cookie_secrets(scene: Scene) -> Iterator[Remark]:
    for configuration in scene.configurations:
        for verdict in configuration.about(COOKIE_SECRETS):
            if verdict.refused:
                yield configuration.remark(verdict.sentence, *sorted(verdict.keys))
        yield from _for_oauth2_proxy(configuration)
    for secret in scene.of("Secret"):
        value = secret.contents().get("cookie-secret")
        try:
            if value and (secret.namespace, secret.name) not in _used(scene):
                CookieKey.from_text(value.decode("utf-8", "replace"))
        except ValueError as error:
            yield Remark(sentence=str(error), thing=secret, path=secret.path_of_key("cookie-secret"))


def _for_oauth2_proxy(configuration: Configuration) -> Iterator[Remark]:
    """Standard base64, which oauth2-proxy takes for the key itself."""
    secret = configuration.values["cookie_secret"]
    if configuration.program != "oauth2-proxy" or not re.search(r"[+/]", secret) or len(secret) in (16, 24, 32):
        return
    sentence = (
        f"the cookie secret is standard base64, of which oauth2-proxy decodes only the URL-safe one: it takes the"
        f" {len(secret)} characters for the key, and does not start"
    )
    yield configuration.remark(sentence, "cookie_secret")


def _used(scene: Scene) -> set[tuple[str, str]]:
    """The Secrets of guarded pods, by namespace and name."""
    return {
        (pod.thing.namespace, source.name)
        for pod in scene.guarded
        for source in sources_of(pod)
        if source.kind == "Secret"
    }


def _placeholders(scene: Scene) -> Iterator[Remark]:
    used = _used(scene)
    for secret in scene.of("Secret"):
        ours = (secret.namespace, secret.name) in used
        for key, value in secret.contents().items():
            if (ours or key in _SEED_KEYS) and _is_placeholder(value.decode("utf-8", "replace")):
                sentence = f"{key} is a placeholder: no shell runs here and nobody has filled it in"
                yield Remark(sentence=sentence, thing=secret, path=secret.path_of_key(key))
    for configuration in scene.configurations:
        for key in configuration.given:
            given = configuration.values.get(key)
            if key not in BY_KEY or not (BY_KEY[key].secret or key in _IDENTITIES) or _is_borrowed(configuration, key):
                continue
            # What looks like a variable is one that is missing, which another rule says.
            said = [_VARIABLE.sub("", str(one)) for one in (given if isinstance(given, tuple) else (given,))]
            if any(map(_is_placeholder, said)):
                yield configuration.remark(f"{configuration.given[key].name} is a placeholder", key)


def _is_borrowed(configuration: Configuration, key: str) -> bool:
    """Whether the value is that of a Secret, which is judged itself."""
    around = configuration.surroundings
    return around is not None and configuration.given[key].name in around.borrowed


def _is_placeholder(value: str) -> bool:
    return bool(value) and bool(_PLACEHOLDER.search(value) or (len(value) > 3 and _SAYS_NOTHING.fullmatch(value)))


def _in_the_open(scene: Scene) -> Iterator[Remark]:
    flags = {option.flag for option in OPTIONS if option.secret}
    variables = {option.variable for option in OPTIONS if option.secret}
    for pod in scene.guarded:
        for sidecar in pod.sidecars():
            for index, word in enumerate(items(sidecar.data.get("args"))):
                flag, _, value = str(word).partition("=")
                if flag in flags and value and not value.startswith("$("):
                    sentence = f"{flag} has a secret in clear in the arguments, which everybody who reads pods sees"
                    yield Remark(sentence=sentence, thing=pod.thing, path=(*sidecar.path, "args", index))
            for path, variable in numbered(sidecar.data, "env"):
                if text(variable.get("name")) in variables and variable.get("value"):
                    sentence = f"{variable['name']} has a secret in clear in the pod's environment"
                    yield Remark(sentence=sentence, thing=pod.thing, path=(*sidecar.path, *path))
    for configuration in scene.proxies:
        for key, given in configuration.given.items():
            if key in BY_KEY and BY_KEY[key].secret and given.name.startswith(f"{key} (") and configuration.values[key]:
                yield configuration.remark(f"{key} has a secret in a ConfigMap, which nobody treats as one", key)


def _different(scene: Scene) -> Iterator[Remark]:
    """One cookie secret in several namespaces that differ is no single sign-on."""
    known: dict[str, tuple[Thing, bytes]] = {}
    for secret in scene.of("Secret"):
        held = secret.contents().get("cookie-secret")
        if not held:
            continue
        first, other = known.setdefault(secret.name, (secret, held))
        if other != held:
            sentence = f"its cookie-secret differs from that of {first.title}: neither reads the other's sessions"
            yield Remark(sentence=sentence, thing=secret, path=secret.path_of_key("cookie-secret"))


RULES = (
    error(
        "O2S010",
        "The cookie secret is no key",
        "It must make 16, 24 or 32 bytes; otherwise the proxy does not start. oauth2-proxy reads URL-safe base64 only,"
        " so that three of four secrets of `openssl rand -base64 32` are refused.",
        "Make one with `o2sidecar keys new`, or `openssl rand -base64 32 | tr -- '+/' '-_'`.",
        _bad_cookie_secrets,
    ),
    error(
        "O2S011",
        "A placeholder was left in",
        "A manifest is no shell script: `$(openssl …)` and `<your-client-id>` reach the provider as they are, or are a"
        " key that everybody knows.",
        "Put the real value in, or let `o2sidecar init` write the Secret.",
        _placeholders,
    ),
    warning(
        "O2S012",
        "A secret is where everybody can read it",
        "Arguments and variables of pods, and ConfigMaps, are shown to everybody who looks at pods, and land in logs.",
        "Move it into a Secret, and name its file by client_secret_file or cookie_secret_file.",
        _in_the_open,
    ),
    warning(
        "O2S013",
        "Secrets of the same name have different cookie secrets",
        "A session that one namespace's proxies seal is not read by the other's: people sign in again, or in a circle.",
        "Let `o2sidecar init -n a,b` write one for all namespaces, or give the Secrets different names.",
        _different,
    ),
)
