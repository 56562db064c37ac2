"""The options that all providers without ID tokens share, and such a provider as they make it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from attrs import field, frozen

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM, ClaimRules, Person, group_names
from o2sidecar.providers.authorization_parameters import authorization_parameters
from o2sidecar.providers.client_options import ClientOptions, token_endpoint
from o2sidecar.providers.endpoint_urls import configured_url
from o2sidecar.providers.profile_provider import Profile, ProfileProvider
from o2sidecar.providers.surroundings import Surroundings


def otherwise(usual: str) -> Any:
    """A field with what counts unless settings say something."""
    return field(default="", converter=lambda text: text or usual)


@frozen(kw_only=True)
class ProfileOptions(ClientOptions):
    """What settings say; the names are the options' keys. A provider gives the URLs and the scope their usual values.

    Making one raises `ValueError`, with a sentence, for settings that cannot work.
    """

    one_of: ClassVar[Sequence[str]] = ()
    """Options of which one has to be given."""

    provider_display_name: str = ""
    login_url: str = ""
    redeem_url: str = ""
    profile_url: str = ""
    scope: str = ""
    prompt: str = ""
    approval_prompt: str = "force"
    acr_values: str = ""
    auth_request_response_mode: str = ""
    insecure_oidc_allow_unverified_email: bool = False
    allowed_groups: Sequence[str] = ()

    def __attrs_post_init__(self) -> None:
        for option in ("login_url", "redeem_url", "profile_url", "validate_url"):
            if url := getattr(self, option, ""):
                configured_url(url, option)
        if self.one_of and not any(getattr(self, option) for option in self.one_of):
            raise ValueError(f"{' or '.join(self.one_of)} is missing")

    def person(self, *, user: Any, email: Any, verified: Any = None, groups: Any = (), preferred: Any = None) -> Person:
        """The person of what a profile says; `verified` is whether it vouches for the email, `None`: it does not say.

        Raises `NotPermitted` for an email that is not verified, `ProviderFailed` for what is no plain text.
        """
        claims = {"sub": user, STANDARD_EMAIL_CLAIM: email, "email_verified": verified, "preferred_username": preferred}
        names = group_names(groups) if isinstance(groups, (list, tuple)) else ()
        rules = ClaimRules(allow_unverified_email=self.insecure_oidc_allow_unverified_email)
        return rules.person({**claims, "groups": list(names)})


@frozen(kw_only=True)
class OwnServerOptions(ProfileOptions):
    """What settings say of a server that is somebody's own, so that all URLs are theirs to give."""

    one_of: ClassVar[Sequence[str]] = ("profile_url", "validate_url")

    login_url: str
    redeem_url: str
    validate_url: str = ""

    @property
    def profile(self) -> str:
        """Where to ask; the older option for it counts, too."""
        return self.profile_url or self.validate_url


def provider_of(
    options: ProfileOptions,
    surroundings: Surroundings,
    *,
    name: str,
    profile: Profile,
    scope: str = "",
    allowed_groups: Iterable[str] = (),
) -> ProfileProvider:
    """A provider of settings; `scope` goes before theirs, `allowed_groups` is as in `ProfileProvider`."""
    return ProfileProvider(
        display_name=options.provider_display_name or name,
        login_url=options.login_url,
        redeem_url=options.redeem_url,
        tokens=token_endpoint(options, surroundings),
        profile=profile,
        parameters=authorization_parameters(
            scope=scope or options.scope,
            prompt=options.prompt,
            approval_prompt=options.approval_prompt,
            acr_values=options.acr_values,
            response_mode=options.auth_request_response_mode,
            resource=options.resource,
        ),
        lifetime=surroundings.session_lifetime,
        clock=surroundings.clock,
        allowed_groups=allowed_groups,
    )
