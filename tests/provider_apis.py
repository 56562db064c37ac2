"""APIs of single providers, for `FakeProvider.apis`: Graph, Google's Directory, GitLab's projects, profiles."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from attrs import define, field
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from twisted.web.server import Request

from tests.fakes import ISSUER, Asked, answer

ACCOUNT = "groups@project.iam.gserviceaccount.com"


@define
class Graph:
    """Microsoft Graph below `/v1.0/me`: the person's groups as `id: displayName`, two to a page."""

    groups: dict[str, str] = field(factory=dict)
    person: dict[str, Any] = field(factory=dict)
    asked: list[Asked] = field(factory=list)

    def __call__(self, request: Request, asked: Asked) -> bytes:
        self.asked.append(asked)
        if asked.headers.get("authorization") != "Bearer AT-1":
            return answer(request, {"error": {"code": "InvalidAuthenticationToken"}}, 401)
        if asked.path.endswith("/checkMemberGroups"):
            wanted = json.loads(asked.body)["groupIds"]
            if len(wanted) > 20:
                return answer(request, {"error": {"code": "Request_BadRequest"}}, 400)
            return answer(request, {"value": [group for group in wanted if group in self.groups]})
        if asked.path.endswith("/transitiveMemberOf"):
            return answer(request, self._page(int(parse_qs(asked.query).get("$skiptoken", ["0"])[0])))
        return answer(request, self.person)

    def _page(self, start: int) -> dict[str, Any]:
        shown = list(self.groups.items())[start : start + 2]
        page: dict[str, Any] = {"value": [{"id": id, "displayName": name} for id, name in shown]}
        if start + 2 < len(self.groups):
            page["@odata.nextLink"] = f"https://graph.microsoft.com/v1.0/me/transitiveMemberOf?$skiptoken={start + 2}"
        return page


@define
class Directory:
    """Google's Directory API and its token endpoint: `groups` maps a group to its members.

    `nested`: members by other groups; `foreign`: members of other domains, with their status. `granted`: the scopes
    that the service account has.
    """

    groups: dict[str, list[str]] = field(factory=dict)
    nested: dict[str, list[str]] = field(factory=dict)
    foreign: dict[str, dict[str, str]] = field(factory=dict)
    granted: set[str] = field(factory=lambda: {"group.member.readonly", "group.readonly"})
    tokens: int = 0
    assertions: list[dict[str, Any]] = field(factory=list)

    def token(self, request: Request, asked: Asked) -> bytes:
        """The token endpoint of service accounts; the assertion's signature is the test's to look at."""
        header, claims, _ = asked.form["assertion"].split(".")
        self.assertions.append({"header": _part(header), "claims": _part(claims), "form": asked.form})
        if self.assertions[-1]["claims"]["scope"].rpartition("admin.directory.")[2] not in self.granted:
            return answer(request, {"error": "unauthorized_client", "error_description": "not authorized"}, 401)
        self.tokens += 1
        return answer(request, {"access_token": f"SA-{self.tokens}", "token_type": "Bearer", "expires_in": 3599})

    def __call__(self, request: Request, asked: Asked) -> bytes:
        if asked.headers.get("authorization") != f"Bearer SA-{self.tokens}":
            return answer(request, {"error": {"code": 401}}, 401)
        path = [unquote(part) for part in asked.path.removeprefix("/admin/directory/v1/").split("/")]
        if len(path) == 1:
            return answer(request, self._page(parse_qs(asked.query)))
        group, question, email = path[1:]
        if group not in self.groups:
            return answer(request, {"error": {"code": 404}}, 404)
        foreign = self.foreign.get(group, {})
        if question == "hasMember":
            if not email.endswith("@example.com"):
                return answer(request, {"error": {"code": 400, "message": "Invalid Input: memberKey"}}, 400)
            return answer(request, {"isMember": email in self.groups[group] + self.nested.get(group, [])})
        if email not in foreign:
            return answer(request, {"error": {"code": 404}}, 404)
        return answer(request, {"email": email, "status": foreign[email]})

    def _page(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        mine = [group for group, members in self.groups.items() if query["userKey"][0] in members]
        start = int(query.get("pageToken", ["0"])[0])
        page: dict[str, Any] = {"groups": [{"email": group} for group in mine[start : start + 2]]}
        return page | ({"nextPageToken": str(start + 2)} if start + 2 < len(mine) else {})


@define
class GitLabProjects:
    """GitLab's projects below `/api/v4/projects/`, by their paths; of what is not there nobody may know."""

    projects: dict[str, dict[str, Any]] = field(factory=dict)

    def __call__(self, request: Request, asked: Asked) -> bytes:
        found = self.projects.get(unquote(asked.path.removeprefix("/api/v4/projects/")))
        return answer(request, {"message": "404 Project Not Found"}, 404) if found is None else answer(request, found)

    def put(self, path: str, *, project: int | None = None, group: int | None = None, archived: bool = False) -> None:
        """A project in which the person has these access levels."""
        access = {
            "project_access": None if project is None else {"access_level": project},
            "group_access": None if group is None else {"access_level": group},
        }
        self.projects[path] = {"path_with_namespace": path, "archived": archived, "permissions": access}


@define
class Profiles:
    """Answers of an API by path, or by path and query, for who has the access token."""

    answers: dict[str, Any] = field(factory=dict)
    token: str = "AT-1"
    asked: list[Asked] = field(factory=list)

    def __call__(self, request: Request, asked: Asked) -> bytes:
        self.asked.append(asked)
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return answer(request, {"error": "invalid_token"}, 401)
        found = self.answers.get(f"{asked.path}?{asked.query}", self.answers.get(asked.path))
        return answer(request, {"message": "Not Found"}, 404) if found is None else answer(request, found)


@cache
def client_pem() -> str:
    """A client's own private key, made once per process."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def service_account_pem() -> bytes:
    """A service account's private key, made once per process."""
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def service_account_json(**changes: Any) -> bytes:
    """A service account's file; a change to `None` takes a member away."""
    members = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": "k-1",
        "private_key": service_account_pem().decode(),
        "token_uri": f"{ISSUER}/service-token",
        **changes,
    }
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def _part(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found
