"""Signing in, one's own account and the administration of accounts, over HTTP."""

from __future__ import annotations

import re
import time

import httpx
import pyotp
import pytest

from .client import GENEROUS, alone, new_address, rows, sql
from .console import PASSWORD, Member, account

NEW = "another good password"


def _url(gateway):
    return f"sqlite:///{gateway.database}"


def visitor(gateway, **headers):
    """Somebody at the sign-in form, from an address of their own."""
    headers = {"X-Forwarded-For": new_address(), "Accept-Language": "en", **headers}
    return httpx.Client(base_url=f"http://127.0.0.1:{gateway.console_port}", headers=headers, timeout=40, trust_env=False, verify=False)


def sign_in(client, name, password=PASSWORD, to="/own"):
    return client.post("/sign-in", data={"name": name, "password": password, "to": to})


def csrf_of(text):
    return re.search(r'name="csrf" value="([^"]+)"', text)[1]


def start_password(text):
    return re.search(r'<code class="secret">([a-z0-9-]{19})</code>', text)[1]


@pytest.fixture(scope="module")
def admin(gateway):
    account(_url(gateway), "people-admin", "admin", ())
    return Member(gateway.console_port, "people-admin")


@pytest.fixture(scope="module")
def strict(stub, tmp_path_factory):
    """A console that staff reach by https, that demands a second factor, and has no account yet."""
    settings = {"MADOGUCHI_REQUIRE_TOTP": "1", "MADOGUCHI_CONSOLE_URL": "https://console.example", "MADOGUCHI_WORKERS": "2"}
    with alone(tmp_path_factory.mktemp("strict"), stub, **GENEROUS, **settings) as made:
        yield made


# The first administrator, behind https, with a second factor that is demanded.


def test_from_the_first_command_to_the_first_page(strict):
    console = visitor(strict, Host="console.example")
    page = console.get("/sign-in").text
    assert "madoguchi accounts first-admin NAME" in page and "https://console.example" not in page
    made = strict.command("accounts", "first-admin", "Boss")
    assert made.returncode == 0, made.stderr
    start = re.search(r"shown this once: (\S+)", made.stdout)[1]
    assert "first-admin" not in console.get("/sign-in").text

    def step(path, **fields):
        return console.post(path, data={"csrf": csrf_of(console.get("/sign-in/step?to=/own").text), "to": "/own", **fields}, headers=kept)

    answer = sign_in(console, "boss", start)
    assert answer.headers["location"] == "/sign-in/step?to=/own"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-madoguchi-console=")
    assert all(part in cookie for part in ("HttpOnly", "Path=/", "SameSite=strict", "Secure")) and "Domain" not in cookie
    # The client would not send a secure cookie by http, as a browser would not; the proxy in between ends https.
    kept = {}

    def take(response):
        kept["Cookie"] = response.headers["set-cookie"].split(";")[0]
        console.headers.update(kept)
        return response

    take(answer)
    assert console.get("/own").headers["location"] == "/sign-in?to=/own"  # nothing but the next step
    assert console.get("/sign-in").headers["location"] == "/sign-in/step?to=/"
    assert "first sign-in" in console.get("/sign-in/step").text.lower() or "初回" in console.get("/sign-in/step").text
    assert step("/sign-in/password", new=NEW, again="something else").status_code == 422
    assert step("/sign-in/totp", code="123456").status_code == 303  # not this step: from the start
    answer = take(step("/sign-in/password", new=NEW, again=NEW))
    assert answer.headers["location"] == "/sign-in/step?to=/own"
    page = console.get("/sign-in/step").text
    assert "<svg" in page and "style=" not in page
    secret = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)[1].replace(" ", "")
    assert step("/sign-in/totp", code="abc").status_code == 422
    answer = take(step("/sign-in/totp", code=pyotp.TOTP(secret).now()))
    assert answer.status_code == 200 and len(re.findall(r"<li><code>[a-z0-9]{5}-[a-z0-9]{5}</code>", answer.text)) == 10
    assert console.get("/own").status_code == 200
    assert console.get("/people").status_code == 200

    # From now on with the second factor; the code that set it up is used.
    second = visitor(strict, Host="console.example")
    answer = sign_in(second, "boss", NEW)
    second.headers["Cookie"] = answer.headers["set-cookie"].split(";")[0]
    page = second.get("/sign-in/step").text
    code = pyotp.TOTP(secret).at(time.time() + 30)
    answer = second.post("/sign-in/code", data={"csrf": csrf_of(page), "to": "/people", "code": code})
    assert answer.headers["location"] == "/people"
    second.headers["Cookie"] = answer.headers["set-cookie"].split(";")[0]
    assert second.get("/people").status_code == 200
    actions = [row["action"] for row in rows(strict.database, "SELECT action FROM audit ORDER BY seq")]
    assert actions == ["account_created", "password_changed", "second_factor_on", "sign_in", "sign_in"]


def test_behind_https_only_its_own_address_may_write(strict):
    form = {"name": "boss", "password": "x"}
    console = visitor(strict, Host="console.example")
    assert console.post("/sign-in", data=form, headers={"Origin": "https://console.example"}).status_code == 422
    for origin in ("http://console.example", "https://console.example:444", "https://elsewhere.example", "null"):
        assert console.post("/sign-in", data=form, headers={"Origin": origin}).status_code == 403, origin
    assert console.post("/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    elsewhere = visitor(strict).get("/sign-in").text
    assert "https://console.example/" in elsewhere and "from another one" in elsewhere


# Signing in.


def test_a_wrong_name_and_a_wrong_password_read_the_same(gateway):
    account(_url(gateway), "people-hanako", "operator")
    answers = [sign_in(visitor(gateway), name, "not the password") for name in ("people-hanako", "people-nobody")]
    assert [answer.status_code for answer in answers] == [422, 422]
    texts = [answer.text.replace("people-hanako", "NAME").replace("people-nobody", "NAME") for answer in answers]
    assert texts[0] == texts[1]
    assert "set-cookie" not in answers[0].headers
    assert 'value="people-hanako"' in answers[0].text and "not the password" not in answers[0].text


def test_who_guesses_waits_and_the_owner_elsewhere_does_not(gateway):
    account(_url(gateway), "people-guessed", "operator")
    guesser = visitor(gateway)
    assert [sign_in(guesser, "people-guessed", f"guess number {n}").status_code for n in range(7)] == [422] * 6 + [429]
    answer = sign_in(guesser, "people-guessed")
    assert answer.status_code == 429 and "Please wait" in answer.text
    assert sign_in(visitor(gateway), "people-guessed").status_code == 303


def test_it_goes_on_to_where_one_wanted_and_never_outside(gateway):
    account(_url(gateway), "people-where", "operator")
    for to, wanted in (
        ("/requests?state=received", "/requests?state=received"),
        ("https://elsewhere.example/", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example", "/"),
        ("/\t/elsewhere.example", "/"),
        ("", "/"),
    ):
        assert sign_in(visitor(gateway), "people-where", to=to).headers["location"] == wanted


def test_a_new_sign_in_is_a_new_session_and_ends_the_one_before(gateway):
    account(_url(gateway), "people-twice", "operator")
    browser = visitor(gateway)
    first = sign_in(browser, "people-twice").headers["set-cookie"].split(";")[0]
    second = sign_in(browser, "people-twice").headers["set-cookie"].split(";")[0]
    assert first != second
    assert visitor(gateway, Cookie=first).get("/own").status_code == 303
    assert visitor(gateway, Cookie=second).get("/own").status_code == 200
    cookie = sign_in(visitor(gateway), "people-twice").headers["set-cookie"]
    assert cookie.startswith("madoguchi-console=") and "Secure" not in cookie and "HttpOnly" in cookie and "SameSite=strict" in cookie


def test_a_link_from_another_site_is_asked_again_by_our_own_page(gateway):
    answer = visitor(gateway, **{"Sec-Fetch-Site": "cross-site"}).get("/requests?state=received")
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/requests?state=received">' in answer.text


# One's own account.


def test_the_own_page_shows_no_address_and_ends_sessions(gateway):
    account(_url(gateway), "people-own", "privacy_officer", ("jamil",))
    here, there = Member(gateway.console_port, "people-own"), Member(gateway.console_port, "people-own")
    page = here.get("/own").text
    assert "Jamil" in page and page.count("/own/sessions/") == 2 and "127.0.0.1" not in page
    session = re.search(r"/own/sessions/([0-9a-f]{32})/end", page)[1]
    assert here.post(f"/own/sessions/{session}/end").status_code == 303
    assert there.get("/own").status_code == 303 and here.get("/own").status_code == 200
    assert here.post("/own/sessions/end").headers["location"] == "/sign-in"
    assert here.get("/own").status_code == 303


def test_the_password_is_changed_with_the_present_one(gateway):
    account(_url(gateway), "people-change", "operator")
    here, there = Member(gateway.console_port, "people-change"), Member(gateway.console_port, "people-change")
    wrong = here.post("/own/password", present="not the password", new=NEW, again=NEW)
    assert wrong.status_code == 422 and "The present password is not right" in wrong.text
    assert "at least 12" in here.post("/own/password", present=PASSWORD, new="short", again="short").text
    assert "differ" in here.post("/own/password", present=PASSWORD, new=NEW, again=NEW + "x").text
    assert here.post("/own/password", present=PASSWORD, new=NEW, again=NEW).headers["location"] == "/own?done=password"
    assert here.get("/own").status_code == 200 and there.get("/own").status_code == 303
    assert sign_in(visitor(gateway), "people-change").status_code == 422
    assert sign_in(visitor(gateway), "people-change", NEW).status_code == 303


def test_the_second_factor_is_turned_on_and_off(gateway):
    account(_url(gateway), "people-totp", "operator")
    member = Member(gateway.console_port, "people-totp")
    secret = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', member.get("/own/totp").text)[1].replace(" ", "")
    assert member.post("/own/totp", code=pyotp.TOTP(secret).now(), present="not the password").status_code == 422
    wrong = member.post("/own/totp", code="1", present=PASSWORD)
    assert wrong.status_code == 422 and secret[:4] in wrong.text  # the same secret still
    shown = member.post("/own/totp", code=pyotp.TOTP(secret).now(), present=PASSWORD)
    spare = re.search(r"<li><code>([a-z0-9-]{11})</code>", shown.text)[1]
    browser = visitor(gateway)
    assert sign_in(browser, "people-totp").headers["location"].startswith("/sign-in/step")
    page = browser.get("/sign-in/step").text
    assert browser.post("/sign-in/code", data={"code": spare}).status_code == 403  # without the token
    assert browser.post("/sign-in/code", data={"code": spare, "csrf": csrf_of(page), "to": "/own"}).headers["location"] == "/own"
    assert "Recovery codes left: 9" in browser.get("/own").text
    assert member.post("/own/spares", present=PASSWORD).text.count("<li><code>") == 10
    assert member.post("/own/totp/off", present=PASSWORD).headers["location"] == "/own?done=totp_off"
    assert sign_in(visitor(gateway), "people-totp").headers["location"] == "/own"


def test_a_sign_in_can_be_left_half_way(gateway, admin):
    page = admin.post("/people", name="people-left", role="auditor", shown="Left").text
    browser = visitor(gateway)
    sign_in(browser, "people-left", start_password(page))
    step = browser.get("/sign-in/step").text
    assert browser.post("/sign-in/leave", data={"csrf": csrf_of(step)}).headers["location"] == "/sign-in"
    assert browser.get("/sign-in/step").status_code == 303


# Accounts.


def test_an_administrator_makes_an_account_that_starts_with_a_change_of_its_password(gateway, admin):
    fields = {"name": "People-New", "role": "privacy_officer", "shown": "佐藤 <b>次郎</b>", "company-jamil": "on"}
    page = admin.post("/people", **fields)
    assert page.status_code == 200 and "&lt;b&gt;" in page.text
    browser = visitor(gateway)
    assert sign_in(browser, "people-new", start_password(page.text)).headers["location"] == "/sign-in/step?to=/own"
    step = browser.get("/sign-in/step").text
    done = browser.post("/sign-in/password", data={"csrf": csrf_of(step), "to": "/own", "new": NEW, "again": NEW})
    assert done.headers["location"] == "/own"
    assert "Jamil" in browser.get("/own").text or "ジャミール" in browser.get("/own").text
    again = admin.post("/people", **fields)
    assert again.status_code == 422 and "of that name already" in again.text
    assert 'value="People-New"' in again.text and re.search(r'name="company-jamil" checked', again.text)
    row = rows(gateway.database, "SELECT id FROM account WHERE name = 'people-new'")[0]
    details = [row["detail"] for row in rows(gateway.database, "SELECT detail FROM audit")]
    assert any(row["id"] in detail for detail in details)
    assert not any("people-new" in detail or "次郎" in detail for detail in details)


def test_an_administrator_works_on_an_account(gateway, admin):
    account_id = account(_url(gateway), "people-worked", "operator", ("lexus",))
    member = Member(gateway.console_port, "people-worked")
    path = f"/people/{account_id}"
    assert "people-worked" in admin.get("/people").text and admin.get(path).status_code == 200
    assert member.get("/audit").status_code == 403
    assert admin.post(path, role="auditor", shown="Worked").headers["location"] == f"{path}?done=changed"
    assert member.get("/audit").status_code != 403  # at once
    assert admin.post(path, role="operator", shown="Worked").status_code == 422  # an operator has a company
    assert admin.post(f"{path}/sessions").status_code == 303
    assert member.get("/own").status_code == 303
    start = start_password(admin.post(f"{path}/password").text)
    assert sign_in(visitor(gateway), "people-worked", start).headers["location"].startswith("/sign-in/step")
    assert admin.post(f"{path}/totp").status_code == 303
    assert admin.post(f"{path}/deactivate").headers["location"] == f"{path}?done=deactivated"
    assert sign_in(visitor(gateway), "people-worked", start).status_code == 422
    assert start_password(admin.post(f"{path}/activate").text) != start
    assert admin.get("/people/" + "0" * 32).status_code == 404


def test_nobody_takes_their_own_role_away(gateway, admin):
    own = rows(gateway.database, "SELECT id FROM account WHERE name = 'people-admin'")[0]["id"]
    answer = admin.post(f"/people/{own}", role="auditor", shown="Admin")
    assert answer.status_code == 422 and "cannot do that to your own account" in answer.text
    assert admin.post(f"/people/{own}/deactivate").status_code == 422
    last = rows(gateway.database, "SELECT detail FROM audit WHERE actor = ? AND action = 'forbidden' ORDER BY seq DESC", own)[0]
    assert '"reason":"own_account"' in last["detail"]


def test_a_name_of_a_sentence_out_of_the_address_is_not_shown(admin):
    assert admin.get("/own", done="nonsense").status_code == 200


def test_the_secret_of_the_second_factor_is_nowhere_in_the_clear(gateway):
    from .client import files_of, holds

    account(_url(gateway), "people-sealed", "operator")
    member = Member(gateway.console_port, "people-sealed")
    secret = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', member.get("/own/totp").text)[1].replace(" ", "")
    member.post("/own/totp", code=pyotp.TOTP(secret).now(), present=PASSWORD)
    assert not holds([*files_of(gateway.database), gateway.log], secret)
    with sql(gateway.database) as connection:
        assert connection.execute("SELECT count(*) FROM sealed_secret").fetchone()[0]
