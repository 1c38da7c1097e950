"""Signing in by an identity provider, against a small one started here."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from .client import GENEROUS, alone, new_address, rows
from .console import PASSWORD, Member, account
from .oidc_provider import running_provider

ROLES = "call-centre=operator:lexus,jamil; privacy-jamil=privacy_officer:jamil; privacy-lexus=privacy_officer:lexus; it=admin"


@pytest.fixture(scope="module")
def provider():
    with running_provider() as made:
        yield made


@pytest.fixture(scope="module")
def console(stub, provider, tmp_path_factory):
    with alone(tmp_path_factory.mktemp("oidc"), stub, **GENEROUS, **provider.settings, MADOGUCHI_OIDC_ROLES=ROLES) as made:
        yield made


class Browser:
    """Follows the way to the provider and back, step by step."""

    def __init__(self, console):
        headers = {"X-Forwarded-For": new_address(), "Accept-Language": "en"}
        base = f"http://127.0.0.1:{console.console_port}"
        self.http = httpx.Client(base_url=base, headers=headers, timeout=40, trust_env=False, verify=False)

    def leave(self, path="/sign-in/provider?to=/own"):
        """To the provider; returns where it sends the browser back to."""
        there = self.http.get(path)
        assert there.status_code == 303, there.text
        back = self.http.get(there.headers["location"])
        return back.headers["location"]

    def sign_in(self, path="/sign-in/provider?to=/own"):
        return self.http.get(self.leave(path))


def state_of(page):
    """Role and companies on one's own page."""
    return re.findall(r"<dd>([^<]*)</dd>", page)[2:4]


def test_who_is_of_a_group_signs_in_and_has_its_role(console, provider):
    provider.fresh(sub="s-1", preferred_username="t.suzuki", name="鈴木太郎", groups=["staff", "call-centre"])
    browser = Browser(console)
    assert "Sign in with your company account" in browser.http.get("/sign-in?lang=en").text
    answer = browser.sign_in()
    # A page and not a redirect: coming from another site, a browser would not send the strict cookie with that.
    assert answer.status_code == 200 and 'content="0;url=/own"' in answer.text
    assert "SameSite=strict" in answer.headers["set-cookie"]
    page = browser.http.get("/own").text
    assert "鈴木太郎" in page and "t.suzuki" in page
    assert browser.http.get("/requests").status_code == 200
    asked = provider.asked[-1]
    assert len(asked["state"]) >= 32 and len(asked["nonce"]) >= 32 and len(asked["code_challenge"]) == 43
    assert "code_verifier" not in asked
    row = rows(console.database, "SELECT * FROM account WHERE subject = 's-1'")[0]
    assert (row["issuer"], row["role"], json.loads(row["companies"])) == (provider.issuer, "operator", ["jamil", "lexus"])
    assert row["password_hash"] is None


def test_the_role_follows_the_provider(console, provider):
    provider.fresh(sub="s-2", preferred_username="h.sato", groups=["privacy-lexus", "privacy-jamil", "call-centre"])
    Browser(console).sign_in()
    role = "SELECT id, role, companies FROM account WHERE subject = 's-2'"
    before = rows(console.database, role)[0]
    assert (before["role"], json.loads(before["companies"])) == ("operator", ["jamil", "lexus"])  # the first rule that fits
    provider.fresh(sub="s-2", preferred_username="h.sato", groups=["privacy-lexus", "privacy-jamil"])
    browser = Browser(console)
    browser.sign_in()
    after = rows(console.database, role)[0]
    assert (after["id"], after["role"], json.loads(after["companies"])) == (before["id"], "privacy_officer", ["jamil", "lexus"])
    provider.fresh(sub="s-2", preferred_username="h.sato", groups=[])
    refused = Browser(console).sign_in()
    assert refused.status_code == 403 and "no access to this console" in refused.text
    assert browser.http.get("/own").status_code == 303  # their open sessions ended


def test_whom_no_rule_knows_is_refused_and_gets_no_account(console, provider):
    for claims in ({}, {"groups": "call"}, {"groups": {"call-centre": True}}, {"groups": [["call-centre"], 1]}):
        provider.fresh(sub="s-3", preferred_username="stranger", **claims)
        refused = Browser(console).sign_in()
        assert refused.status_code == 403 and "Ask an administrator" in refused.text
        assert "madoguchi-console=" not in refused.headers.get("set-cookie", "").replace("madoguchi-console-flow=", "")
    assert not rows(console.database, "SELECT id FROM account WHERE subject = 's-3'")
    last = rows(console.database, "SELECT actor, detail FROM audit WHERE action = 'sign_in_failed' ORDER BY seq DESC")[0]
    assert (last["actor"], json.loads(last["detail"])) == ("visitor", {"reason": "provider_unknown"})
    assert not rows(console.database, "SELECT seq FROM audit WHERE detail LIKE '%stranger%'")


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://elsewhere.example"},
        {"aud": "another client"},
        {"aud": ["madoguchi", "another"]},  # without azp
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"nbf": time.time() + 3600},
        "another",
        "client secret",
        "nobody",
    ],
    ids=str,
)
def test_an_id_token_that_does_not_hold_is_refused(console, provider, wrong):
    provider.fresh(sub="s-4", preferred_username="forged", groups=["it"])
    if isinstance(wrong, dict):
        provider.wrong = wrong
    else:
        provider.signed_by = wrong
    refused = Browser(console).sign_in()
    assert refused.status_code == 403 and "could not be confirmed" in refused.text
    assert not rows(console.database, "SELECT id FROM account WHERE name = 'forged'")
    last = rows(console.database, "SELECT detail FROM audit WHERE action = 'sign_in_failed' ORDER BY seq DESC")[0]
    assert json.loads(last["detail"]) == {"reason": "provider_refused"}


def test_a_new_key_of_the_provider_is_fetched(console, provider):
    provider.roll_key()
    provider.fresh(sub="s-5", preferred_username="after", groups=["it"])
    assert Browser(console).sign_in().status_code == 200


def test_state_and_browser_go_together_and_a_code_is_good_once(console, provider):
    provider.fresh(sub="s-6", preferred_username="bound", groups=["call-centre"])
    one, two = Browser(console), Browser(console)
    back, other = one.leave(), two.leave()
    assert one.http.get(other).status_code == 403  # somebody else's answer, as in login CSRF
    assert Browser(console).http.get(back).status_code == 403  # a browser that did not start
    one, back = Browser(console), None
    back = one.leave()
    kept = dict(one.http.cookies)
    assert one.http.get(back).status_code == 200
    again = Browser(console)
    again.http.cookies.update({"madoguchi-console-flow": kept["madoguchi-console-flow"]})
    assert again.http.get(back).status_code == 403  # the code was used
    for query in ({}, {"state": "x", "code": "y"}, {"error": "access_denied"}):
        browser = Browser(console)
        browser.leave()
        assert browser.http.get("/sign-in/provider/back", params=query).status_code == 403
    browser = Browser(console)
    foreign = browser.leave().replace("iss=http", "iss=https")
    assert browser.http.get(foreign).status_code == 403  # another provider's answer


def test_who_says_no_there_is_told_so(console, provider):
    provider.fresh(sub="s-7").refuse = "access_denied"
    refused = Browser(console).sign_in()
    assert refused.status_code == 403 and 'href="/sign-in"' in refused.text


def test_it_leads_nowhere_outside(console, provider):
    provider.fresh(sub="s-1", preferred_username="t.suzuki", groups=["call-centre"])
    answer = Browser(console).sign_in("/sign-in/provider?to=https://elsewhere.example/")
    assert 'content="0;url=/"' in answer.text


def test_an_account_with_a_password_is_linked_by_its_owner_and_keeps_its_role(console, provider):
    account(f"sqlite:///{console.database}", "linked", "auditor", ())
    member = Member(console.console_port, "linked")
    provider.fresh(sub="s-8", preferred_username="whatever", groups=["it"])
    browser = Browser(console)
    browser.http.cookies = member.http.cookies
    back = browser.leave("/own/provider")
    bare = httpx.Client(base_url=member.http.base_url, timeout=40, trust_env=False, verify=False)
    flow = {"madoguchi-console-flow": browser.http.cookies["madoguchi-console-flow"]}
    answer = bare.get(back, headers={"Cookie": "; ".join(f"{name}={value}" for name, value in flow.items())})  # no strict cookie
    assert answer.status_code == 200 and 'content="0;url=/own"' in answer.text
    assert "Linked" in member.get("/own").text
    by_provider = Browser(console)
    by_provider.sign_in()
    assert by_provider.http.get("/audit").status_code == 200
    assert by_provider.http.get("/people").status_code == 403
    assert member.post("/own/provider/unlink", present="not the password").status_code == 422
    assert member.post("/own/provider/unlink", present=PASSWORD).status_code == 303
    actions = [row["action"] for row in rows(console.database, "SELECT action FROM audit WHERE action LIKE 'provider%' ORDER BY seq")]
    assert actions == ["provider_linked", "provider_unlinked"]


def test_passwords_stay_for_the_emergency_unless_turned_off(console, stub, provider, tmp_path):
    account(f"sqlite:///{console.database}", "emergency", "admin", ())
    assert Member(console.console_port, "emergency").get("/people").status_code == 200
    away = {**provider.settings, "MADOGUCHI_OIDC_ISSUER": "http://127.0.0.1:9", "MADOGUCHI_PASSWORD_SIGN_IN": "0"}
    with alone(tmp_path, stub, **GENEROUS, **away) as off:
        account(f"sqlite:///{off.database}", "emergency", "admin", ())
        http = httpx.Client(base_url=f"http://127.0.0.1:{off.console_port}", timeout=40, trust_env=False, verify=False)
        assert 'type="password"' not in http.get("/sign-in").text
        assert http.post("/sign-in", data={"name": "emergency", "password": PASSWORD}).status_code == 422
        answer = http.get("/sign-in/provider?lang=en")
        assert answer.status_code == 503 and "cannot be reached" in answer.text


def test_the_way_there_is_the_providers_own(console, provider):
    there = Browser(console).http.get("/sign-in/provider")
    query = parse_qs(urlsplit(there.headers["location"]).query)
    assert there.headers["location"].startswith(f"{provider.issuer}/authorize?")
    assert query["redirect_uri"] == [f"http://127.0.0.1:{console.console_port}/sign-in/provider/back"]
    assert "SameSite=lax" in there.headers["set-cookie"] and "HttpOnly" in there.headers["set-cookie"]
