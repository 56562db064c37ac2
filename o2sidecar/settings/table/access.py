"""The options that say who may pass and how a login goes, one line each."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Duration, Texts
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class AccessOptions(Group):
    """Who may pass, with and without a session."""

    title = "Access"

    email_domains: Texts = option((), "domains whose addresses may pass; .x: the sub-domains of x; *: all")
    authenticated_emails_file: str = option("", "file of addresses that may pass, one a line; reread on change")
    accepted_providers: Texts = option(
        (), "ids of the providers whose sessions may pass; empty: those configured here, or all with one", ours=True
    )
    skip_auth_routes: Texts = option((), "paths open to everybody: PATTERN, METHOD=PATTERN or METHOD!=PATTERN")
    skip_auth_regex: Texts = option((), "patterns of paths open to everybody", successor="skip_auth_routes")
    skip_auth_preflight: bool = option(False, "let CORS preflight requests through without a session")
    reauth_routes: Texts = option(
        (), "paths that ask for a fresh sign-in: [METHOD=]PATTERN max_age=5m acr=CLASS, or one of the two", ours=True
    )
    api_routes: Texts = option((), "patterns of URIs that are answered 401, not with a page")
    trusted_ips: Texts = option((), "client addresses or networks that need no session")
    skip_jwt_bearer_tokens: bool = option(False, "let a JWT in the Authorization header stand in the place of a login")
    bearer_token_login_fallback: bool = option(True, "offer a login when that header is of no use; else answer 403")
    extra_jwt_issuers: Texts = option((), "other issuers of such JWTs, as issuer=audience", flag="--extra-jwt-issuers")
    htpasswd_file: str = option("", "file of local users and their passwords: bcrypt or {SHA}; reread on change")
    password_guesses_per_user: int = option(
        20, "wrong passwords of a user within password_guess_period before 429; 0: any number", ours=True
    )
    password_guesses_per_address: int = option(
        100, "wrong passwords from an address within password_guess_period before 429; 0: any number", ours=True
    )
    password_guess_period: Duration = option(300.0, "how long wrong passwords are counted", ours=True)
    htpasswd_user_groups: Texts = option((), "groups of every local user")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class LoginOptions(Group):
    """How a login goes and where it leads."""

    title = "Login"

    redirect_url: str = option("", "the callback URL; a path, or nothing: the request's host counts")
    relative_redirect_url: bool = option(False, "give the provider the callback's path without scheme and host")
    whitelist_domains: Texts = option((), "hosts to return to after login; .x: its sub-domains too; :*: any port")
    skip_provider_button: bool = option(False, "go straight to the provider, without the sign-in page")
    force_json_errors: bool = option(False, "answer in JSON instead of with pages and redirects")
    websocket_challenge: bool = option(
        False, "answer WebSockets without a session 401, not 403", ours=True, sidecar_default=True
    )
    allowed_hosts: Texts = option(
        (), "hosts that are served, all others are answered 421; .x: those below x; empty: any", ours=True
    )
    encode_state: bool = option(False, "wrap the state parameter in base64")
    allow_query_semicolons: bool = option(False, "read ; as & in queries for the sidecar itself; the app gets them raw")
    proxy_prefix: str = option("/oauth2", "path under which the sidecar's own endpoints lie")
    ssl_insecure_skip_verify: bool = option(False, "do not verify the provider's certificate; for tests only")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class PageOptions(Group):
    """What the pages look like."""

    title = "Pages"

    custom_templates_dir: str = option("", "folder with a sign_in.html and error.html of your own")
    display_htpasswd_form: bool = option(True, "show the form for local users, where htpasswd_file names some")
    custom_sign_in_logo: str = option("", "image file or URL for the sign-in page; - for none")
    banner: str = option("", "HTML above the sign-in button; - for none")
    footer: str = option("", "HTML at the foot of pages; - for none")
    brand_name: str = option("", "the name of your site or company, on every page", ours=True)
    brand_colour: str = option("", "colour of buttons and links, as #rrggbb; black or white is on it", ours=True)
    language: str = option("", "language of all pages: en or de; empty: as each browser asks for", ours=True)
    no_store_pages: bool = option(
        False, "tell caches to keep no page of ours, refusals among them", ours=True, sidecar_default=True
    )
    show_debug_on_error: bool = option(False, "show people the internal reason on error pages; not for production")
