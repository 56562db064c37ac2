"""Tests for `o2sidecar.providers.agent`: whom to trust on the way to a provider, shown by real TLS in memory."""

from __future__ import annotations

import datetime
import ipaddress
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.testing import MemoryReactorClock
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from o2sidecar.provider_client import Answer, ProviderClient
from o2sidecar.providers.agent import provider_agent
from o2sidecar.refusals import ProviderUnavailable
