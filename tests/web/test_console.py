"""The console as a whole: who gets in, and that a write comes from our own pages."""

import httpx
import pytest

from .client import Gateway
from .console import ROLES, Member, account


def _url(gateway: Gateway) -> str:
    return f"sqlite:///{gateway.database}"


@pytest.fixture(scope="module")
def members(gateway):
    for role in ROLES:
        account(_url(gateway), f"base-{role}", role)
    return {role: Member(gateway.console_port, f"base-{role}") for role in ROLES}


def test_customers_port_has_no_console_and_the_other_no_chat(gateway, members):
    assert httpx.get(f"http://127.0.0.1:{gateway.port}/sign-in", trust_env=False).status_code == 404
    assert httpx.get(f"http://127.0.0.1:{gateway.console_port}/chat", trust_env=False).status_code == 404


def test_nobody_gets_in_without_signing_in(gateway):
    response = httpx.get(f"http://127.0.0.1:{gateway.console_port}/people", trust_env=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/sign-in?to=/people"


def test_a_write_without_the_token_is_refused(members):
    member = members["operator"]
    assert member.http.post("/language", data={"lang": "ja"}).status_code == 403
    assert member.post("/language", lang="en").status_code == 303


def test_signing_out_ends_the_session(gateway, members):
    account(_url(gateway), "leaver", "operator")
    member = Member(gateway.console_port, "leaver")
    member.post("/sign-out")
    assert member.get("/").status_code == 303


@pytest.mark.parametrize(
    ("path", "roles"), [("/people", {"admin"}), ("/audit", {"auditor"}), ("/requests", {"operator", "privacy_officer"})]
)
def test_parts_are_open_to_their_roles_alone(members, path, roles):
    assert {role for role, member in members.items() if member.get(path).status_code == 200} == roles


def test_what_pages_load_is_asked_for_again_and_not_sent_again(gateway):
    with httpx.Client(base_url=f"http://127.0.0.1:{gateway.console_port}", trust_env=False) as http:
        first = http.get("/static/console.js")
        assert (first.status_code, first.headers["cache-control"], first.headers["content-encoding"]) == (200, "no-cache", "gzip")
        assert http.get("/static/console.js", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        assert {http.get(f"/static/{name}").status_code for name in ("nothing.js", "..%2fvisit.py", "%2e%2e/visit.py")} == {404}
