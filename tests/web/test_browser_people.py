"""Signing in, one's own account and accounts in a real browser: both languages, the keyboard, axe, strict cookies. Keeps pictures."""

from __future__ import annotations

import re
import time
from itertools import count

import pyotp
import pytest
from playwright.sync_api import Page, expect

from ..conftest import free_port
from . import browser
from .browser import Host, snap
from .client import GENEROUS, alone, sql
from .console import PASSWORD, account
from .oidc_provider import running_provider
from .test_browser_access import check

chromium, visits = browser.chromium, browser.visits
OWN = "another good password"
_names = count(1)


@pytest.fixture(scope="module")
def console(stub, tmp_path_factory):
    """A console with an identity provider, reached as `localhost`, which to a browser is another site than the provider's 127.0.0.1."""
    port = free_port()
    with running_provider() as provider:
        settings = {"MADOGUCHI_CONSOLE_PORT": str(port), "MADOGUCHI_CONSOLE_URL": f"http://localhost:{port}"}
        roles = {"MADOGUCHI_OIDC_ROLES": "call-centre=operator:lexus,jamil"}
        with alone(tmp_path_factory.mktemp("people"), stub, **GENEROUS, **provider.settings, **settings, **roles) as made:
            made.console_port = port
            made.provider = provider  # type: ignore[attr-defined]
            yield made


@pytest.fixture(params=["ja", "en"])
def lang(request):
    return request.param


def opened(visits, console, lang, **options) -> Page:
    """A page at the sign-in form; complaints about refused forms are part of what is tested."""
    visits.expected += ["status of 422", "status of 429", "status of 403"]
    at = f"http://localhost:{console.console_port}"
    locale = {"ja": "ja-JP", "en": "en-GB"}[lang]
    page = visits.context(at, console.provider.issuer, locale=locale, **options).new_page()
    page.goto(at)
    return page


def member(console, lang, role="operator", companies=("lexus", "jamil")):
    name = f"browser-{next(_names)}"
    account(f"sqlite:///{console.database}", name, role, companies, lang=lang)
    return name


def enter(page, name, password=PASSWORD):
    page.locator("[name=name]:visible").fill(name)
    page.locator("[name=password]").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def secret_of(page):
    page.locator("details summary").first.click()
    return page.locator("code.secret").inner_text().replace(" ", "")


def fits(page):
    return page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_without_any_account_the_page_says_what_to_do(visits, stub, tmp_path, lang):
    with alone(tmp_path, stub) as empty:
        page = visits.context(empty.console_port, locale=lang, bypass_csp=True).new_page()
        page.goto(f"http://127.0.0.1:{empty.console_port}/")
        expect(page.locator("code")).to_contain_text("accounts first-admin NAME")
        check(page, "empty")
        snap(page, f"sign-in-empty-{lang}")


def test_signing_in_with_the_keyboard(visits, console, lang):
    name = member(console, lang)
    page = opened(visits, console, lang)
    assert page.evaluate("() => document.documentElement.lang") == lang
    expect(page.locator("[name=name]")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("正しくありません" if lang == "ja" else "is not right")
    expect(page.locator("[name=password]")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("header.top")).to_be_visible()
    (cookie,) = [each for each in page.context.cookies() if each["name"] == "madoguchi-console"]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    page.locator(".self a").click()
    expect(page.locator("h1")).to_have_text("マイアカウント" if lang == "ja" else "Your account")
    page.get_by_role("button", name="English" if lang == "ja" else "日本語").first.click()
    expect(page.locator("h1")).to_have_text("Your account" if lang == "ja" else "マイアカウント")
    page.locator("form[action='/sign-out'] button").click()
    expect(page.locator("[name=password]")).to_be_visible()
    page.go_back()
    expect(page.locator("[name=password]")).to_be_visible()


@pytest.mark.parametrize("lang", ["ja"])
def test_the_first_sign_in_of_a_new_colleague(visits, console, lang):
    admin = opened(visits, console, lang)
    enter(admin, member(console, lang, "admin", ()))
    admin.goto(f"http://localhost:{console.console_port}/people")
    admin.locator("a[href='/people/new']").click()
    name = f"browser-{next(_names)}"
    admin.locator("[name=name]").fill(name)
    admin.locator("[name=shown]").fill("佐藤 次郎")
    admin.locator("[name=role][value=privacy_officer]").check()
    admin.locator("button.main").click()
    expect(admin.get_by_role("alert")).to_contain_text("担当会社" if lang == "ja" else "at least one company")
    expect(admin.locator("[name=name]")).to_have_value(name)
    admin.locator("[name=company-jamil]").check()
    admin.locator("button.main").click()
    start = admin.locator("code.secret").inner_text()

    page = opened(visits, console, lang)
    enter(page, name, start)
    expect(page.locator("[name=new]")).to_be_focused()
    for field in ("new", "again"):
        page.locator(f"[name={field}]").fill(OWN)
    page.keyboard.press("Enter")
    expect(page.locator("header.top")).to_contain_text("佐藤 次郎")

    page.goto(f"http://localhost:{console.console_port}/own/totp")
    expect(page.locator(".qr svg")).to_be_visible()
    secret = secret_of(page)
    page.locator("[name=code]").fill(pyotp.TOTP(secret).now())
    page.locator("[name=present]").fill(OWN)
    page.keyboard.press("Enter")
    expect(page.locator(".codes li")).to_have_count(10)
    page.locator("a.main").click()
    expect(page.locator(".tag.good").first).to_be_visible()

    again = opened(visits, console, lang)
    enter(again, name, OWN)
    expect(again.locator("[name=code]")).to_be_focused()
    again.keyboard.type("123")
    again.keyboard.press("Enter")
    expect(again.get_by_role("alert")).to_be_visible()
    again.locator("[name=code]").fill(pyotp.TOTP(secret).at(time.time() + 30))
    again.keyboard.press("Enter")
    expect(again.locator("header.top")).to_be_visible()

    # The administrator ends it at once.
    admin.goto(f"http://localhost:{console.console_port}/people")
    admin.get_by_role("row").filter(has_text=name).get_by_role("link").click()
    admin.locator("form[action$='/deactivate'] button").click()
    expect(admin.get_by_role("status").filter(has_text=re.compile("停止しました|deactivated"))).to_be_visible()
    again.reload()
    expect(again.locator("[name=password]")).to_be_visible()


@pytest.mark.parametrize(("lang", "scheme"), [("ja", "light"), ("en", "dark")])
def test_axe_finds_nothing(visits, console, lang, scheme):
    page = opened(visits, console, lang, bypass_csp=True, color_scheme=scheme)
    base = f"http://localhost:{console.console_port}"

    def look(name):
        check(page, name)
        snap(page, f"people-{name}-{lang}-{scheme}")
        size = page.viewport_size
        page.set_viewport_size({"width": 320, "height": 640})
        assert fits(page), name
        page.set_viewport_size(size)

    name = member(console, lang, "admin", ())
    look("sign-in")
    enter(page, name, "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    look("sign-in-wrong")
    enter(page, name)
    expect(page.locator("header.top")).to_be_visible()
    colleague = account(f"sqlite:///{console.database}", f"browser-{next(_names)}", "operator", lang=lang)
    gone = account(f"sqlite:///{console.database}", f"browser-{next(_names)}", "auditor", (), lang=lang)
    with sql(console.database) as connection:
        connection.execute("UPDATE account SET active = 0 WHERE id = ?", (gone,))
    for path, what in (
        ("/own", "own"),
        ("/own/totp", "totp"),
        ("/people", "list"),
        ("/people/new", "new"),
        (f"/people/{colleague}", "one"),
        (f"/people/{gone}", "gone"),
    ):
        page.goto(base + path)
        look(what)
    page.goto(f"{base}/people/{colleague}")
    page.locator("form[action$='/password'] button").click()
    expect(page.locator("code.secret")).to_be_visible()
    start = page.locator("code.secret").inner_text()
    look("start-password")
    page.goto(f"{base}/own/totp")
    secret = secret_of(page)
    page.locator("[name=code]").fill(pyotp.TOTP(secret).now())
    page.locator("[name=present]").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".codes")).to_be_visible()
    look("codes")
    page.goto(f"{base}/own")
    look("own-with-totp")
    page.locator("form[action='/sign-out'] button").click()
    enter(page, name)
    expect(page.locator("[name=code]")).to_be_visible()
    look("step-code")
    page.locator("form[action='/sign-in/leave'] button").click()
    with sql(console.database) as connection:
        named = connection.execute("SELECT name FROM account WHERE id = ?", (colleague,)).fetchone()[0]
    enter(page, named, start)
    expect(page.locator("[name=new]")).to_be_visible()
    look("step-password")


def test_a_link_on_another_site_leads_in_although_the_cookie_is_strict(visits, console):
    page = opened(visits, console, "en")
    enter(page, member(console, "en"))
    expect(page.locator("header.top")).to_be_visible()
    host = Host(console.port)
    host.page = lambda _path: (
        f'<!doctype html><html lang="en"><title>Host</title><a href="http://localhost:{console.console_port}/own">in</a>'.encode()
    )  # type: ignore[method-assign]  # noqa: E501
    host.start()
    try:
        visits.problems.clear()
        page.goto(f"http://127.0.0.1:{host.port}/")
        page.locator("a").click()
        expect(page.locator("h1")).to_have_text("Your account")
    finally:
        host.stop()
    visits.problems[:] = [each for each in visits.problems if f":{host.port}/" not in each]


@pytest.mark.parametrize("lang", ["en"])
def test_the_identity_provider_leads_in_although_the_cookie_is_strict(visits, console, lang):
    console.provider.fresh(sub=f"browser-{lang}", preferred_username=f"sso-{lang}", name="鈴木太郎", groups=["call-centre"])
    page = opened(visits, console, lang)
    page.locator("a.main").click()
    expect(page.locator("header.top")).to_contain_text("鈴木太郎")
    console.provider.fresh(sub="stranger", preferred_username="stranger")
    other = opened(visits, console, lang, bypass_csp=True)
    other.locator("a.main").click()
    expect(other.get_by_role("alert")).to_contain_text("許可されていません" if lang == "ja" else "no access")
    check(other, "refused")
    snap(other, f"people-refused-{lang}")
