"""What a folder is made of: the domain, its provider and where its apps are, all of it checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.settings.kinds import shown

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
"""RFC 1123 §2.1, as Kubernetes wants names of namespaces and Services."""
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LONGEST_NAME = 253


def domain(text: str) -> str:
    """A domain below which apps are, in lower case; raises `ValueError` with a sentence."""
    name = host(text.removeprefix("*.").removeprefix("."))
    if "." not in name:
        raise ValueError(f"{shown(text)} has a single label, and browsers share no cookies below such a domain")
    return name


def host(text: str) -> str:
    """A host's name, in lower case; raises `ValueError` with a sentence."""
    name = text.lower().removesuffix(".")
    if not name.isascii():
        raise ValueError(f"{shown(text)} has letters beyond ASCII: write it as it is in the DNS (xn--…)")
    if len(name) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, name.split("."))):
        raise ValueError(f"{shown(text)} is no name of a host: write example.com, without a scheme or a port")
    return name


def namespace(text: str) -> str:
    """The name of a namespace; raises `ValueError` with a sentence."""
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{shown(text)} is no name of a namespace")
    return text


def object_name(text: str) -> str:
    """The name of an object; raises `ValueError` with a sentence."""
    if len(text) > _LONGEST_NAME or not all(map(_LABEL.fullmatch, text.split("."))):
        raise ValueError(f"{shown(text)} is no name of an object in Kubernetes")
    return text


def reference(text: str) -> str:
    """`NAMESPACE/NAME`; raises `ValueError` with a sentence."""
    where, slash, name = text.partition("/")
    if not slash:
        raise ValueError(f"{shown(text)} names no namespace: write NAMESPACE/NAME")
    return f"{namespace(where)}/{object_name(name)}"


def selector(text: str) -> tuple[str, str]:
    """A label and its value, written `KEY=VALUE`; raises `ValueError` with a sentence."""
    key, equals, value = text.partition("=")
    if not equals or not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
        raise ValueError(f"{shown(text)} is no label: write it as istio=ingressgateway")
    return key, value


def _namespaces(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(namespace, texts)))


def _hosts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(host, texts)))


def _host_or_none(text: str) -> str:
    return host(text) if text else ""


@frozen(kw_only=True)
class NewGateway:
    """A Gateway that is still to be made.

    Attributes:
        namespace: where it and the Secret of its certificate are: where the gateway's pods run.
        name: its own.
        selector: the label of these pods, and its value.
        tls_secret: the Secret with the certificate.
    """

    namespace: str = field(default="istio-system", converter=namespace)
    name: str = field(default="oauth2-gateway", converter=object_name)
    selector: tuple[str, str] = ("istio", "ingressgateway")
    tls_secret: str = field(default="wildcard-tls", converter=object_name)

    @property
    def reference(self) -> str:
        """How a VirtualService names it."""
        return f"{self.namespace}/{self.name}"


@frozen(kw_only=True)
class Realm:
    """Apps that share sign-ins: below one domain, by one provider, with one cookie secret.

    Attributes:
        domain: they are below it.
        provider: the kind of identity provider.
        namespaces: where apps are; the first one has the host of a shared callback.
        options: options of the sidecars, by key, beside those that follow from the rest.
        gateway: the Gateway that leads to the apps: one that is to be made, or `NAMESPACE/NAME` of one that is there.
        auth_host: the host of a callback that all apps share; empty: each app has its own.
        hosts: those of apps that are known already; only told about.
    """

    domain: str = field(converter=domain)
    provider: str
    namespaces: tuple[str, ...] = field(converter=_namespaces)
    options: Mapping[str, Any] = field(factory=dict)
    gateway: NewGateway | str = field(factory=NewGateway)
    auth_host: str = field(default="", converter=_host_or_none)
    hosts: tuple[str, ...] = field(default=(), converter=_hosts)

    @auth_host.validator
    def _is_below_the_domain(self, attribute: object, value: str) -> None:
        if value and value != self.domain and not value.endswith(f".{self.domain}"):
            raise ValueError(f"{value} is not below {self.domain}: its cookies would never come to the apps")

    @hosts.validator
    def _are_below_the_domain(self, attribute: object, value: tuple[str, ...]) -> None:
        for one in value:
            if one != self.domain and not one.endswith(f".{self.domain}"):
                raise ValueError(f"{one} is not below {self.domain}: it would not share its sign-ins")

    @property
    def gateway_reference(self) -> str:
        """How a VirtualService names the Gateway."""
        return self.gateway if isinstance(self.gateway, str) else self.gateway.reference

    @property
    def callbacks(self) -> tuple[str, ...]:
        """The URLs to register with the provider."""
        hosts = (self.auth_host,) if self.auth_host else self.hosts
        return tuple(f"https://{one}/oauth2/callback" for one in hosts)
