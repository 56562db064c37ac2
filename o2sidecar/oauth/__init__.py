"""OAuth 2.0 and OpenID Connect as values: requests, PKCE, state, tokens and the ID-token rules."""
