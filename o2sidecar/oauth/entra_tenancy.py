"""Whose ID tokens an issuer of Microsoft's stands for: one tenant's, or those of many."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Self

from attrs import frozen

from o2sidecar.oauth.id_token import TENANT, TENANT_ID

PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant that all personal accounts share."""

_MANY = frozenset({"common", "organizations"})
_ISSUER = re.compile(r"(?P<base>https?://.+)/(?P<tenant>[^/]+)/v2\.0/?")


@frozen(kw_only=True)
class Tenancy:
    """The tenants whose tokens count.

    Attributes:
        issuer: what tokens must name, with `{tenantid}` for their own tenant if there are many; empty: the configured.
        document_issuer: what the discovery document must name; empty: the configured.
        allowed: ids of tenants; empty: all that the issuer stands for.
        many: whether the issuer stands for tenants whose administrators nobody here knows.
    """

    issuer: str = ""
    document_issuer: str = ""
    allowed: frozenset[str] = frozenset()
    many: bool = False

    @classmethod
    def of(cls, issuer_url: str, allowed: Collection[str] = (), *, any_tenant: bool = False) -> Self:
        """Of an issuer's URL; `any_tenant`: not only the one that it names.

        Raises `ValueError` for a tenant that is not named by its id: tokens name no other, so none could be compared.
        """
        odd = [tenant for tenant in allowed if not TENANT_ID.fullmatch(tenant)]
        if odd:
            raise ValueError(f"entra_id_allowed_tenants must be ids of tenants, not {', '.join(map(repr, odd))}")
        tenants = frozenset(tenant.lower() for tenant in allowed)
        found = _ISSUER.fullmatch(issuer_url)
        if found is None:
            return cls(allowed=tenants, many=any_tenant)
        base, tenant = found["base"], found["tenant"]
        template = f"{base}/{TENANT}/v2.0"
        if tenant in _MANY:
            return cls(issuer=template, document_issuer=template, allowed=tenants, many=True)
        if tenant.lower() in {"consumers", PERSONAL}:
            own = f"{base}/{PERSONAL}/v2.0"
            return cls(issuer=own, document_issuer=own, allowed=tenants, many=True)
        if not TENANT_ID.fullmatch(tenant):
            raise ValueError(
                f"the issuer {issuer_url} must name its tenant by its id, or be one of common, organizations, consumers"
            )
        return cls(issuer=template if any_tenant else "", allowed=tenants, many=any_tenant)

    @property
    def is_one_organization(self) -> bool:
        """Whether all who come are of one organisation, whose administrators answer for its people's addresses."""
        if self.allowed:
            return len(self.allowed) == 1 and PERSONAL not in self.allowed
        return not self.many

    @property
    def names_personal(self) -> bool:
        """Whether the operator wants personal accounts by name, as `consumers` or by their tenant."""
        return PERSONAL in self.allowed or PERSONAL in self.issuer

    def admits(self, claims: Mapping[str, Any]) -> bool:
        """Whether verified claims are of a tenant that is allowed."""
        tenant = claims.get("tid")
        return not self.allowed or (isinstance(tenant, str) and tenant.lower() in self.allowed)
