"""What is asked of every provider beside the code flow's own parameters."""

from __future__ import annotations


def authorization_parameters(
    *,
    scope: str,
    prompt: str = "",
    approval_prompt: str = "",
    acr_values: str = "",
    response_mode: str = "",
    resource: str = "",
) -> dict[str, str]:
    """The parameters that have a value; `resource` is that of RFC 8707 §2.1.

    `approval_prompt` is the old form of `prompt` (OpenID Connect Core 1.0 §3.1.2.1), and is left out where that is set.
    """
    parameters = {
        "scope": scope,
        "prompt": prompt,
        "approval_prompt": "" if prompt else approval_prompt,
        "acr_values": acr_values,
        "response_mode": response_mode,
        "resource": resource,
    }
    return {name: value for name, value in parameters.items() if value}
