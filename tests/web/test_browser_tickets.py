"""Requests and the audit log in a real browser: from the customer's request to its end, keys, what hides again, and who is refused."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from . import browser
from .client import Chat, files_of, holds, wait_for
from .console import PASSWORD, account
from .test_requests import PERSONAL, code_for, mails, opened

chromium, visits = browser.chromium, browser.visits
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
WORDS = {
    "ja": {
        "identity_check": "本人確認中",
        "review": "検討中",
        "closed": "終了",
        "mail": "お客様に届くメール",
        "sent": "記録しました",
        "conflict": "ほかの人がこのご請求を変更しました",
        "sealed": "暗号化済み",
        "refused": "許可されていません",
        "sound": "異常はありません",
    },
    "en": {
        "identity_check": "identity check",
        "review": "in review",
        "closed": "closed",
        "mail": "What the person will read",
        "sent": "Recorded",
        "conflict": "Somebody else changed this request",
        "sealed": "sealed",
        "refused": "no right",
        "sound": "The log is sound",
    },
}


@pytest.fixture(scope="module")
def url(servers):
    return f"sqlite:///{servers.data}/madoguchi.db"


def violations(page):
    found = Axe().run(page, options={"runOnly": TAGS}).response["violations"]
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found]


def received(servers, company, lang, email):
    """A request with a proven mailbox, by way of the customer's own API; its number."""
    chat = Chat(servers.gateway_port, company, lang)
    number = opened(chat, "disclosure", lang)
    notice = chat.http.post("/api/requests/notice", json={"ticket": number, "lang": lang}).json()["version"]
    chat.http.post("/api/requests/contact", json={"ticket": number, "notice": notice, **PERSONAL, "email": email})
    assert chat.http.post("/api/requests/code", json={"ticket": number, "code": code_for(servers, email)}).status_code == 200
    return number


def signed_in(visits, servers, name, **options):
    page = visits.context(servers.console_port, **options).new_page()
    page.goto(f"http://127.0.0.1:{servers.console_port}/sign-in?to=/requests")
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("button.main").click()
    return page


@pytest.mark.parametrize(("lang", "company"), [("ja", "infiniti"), ("en", "jamil")])
def test_a_request_is_worked_to_its_end(visits, servers, url, lang, company):
    words, address = WORDS[lang], f"worked.{lang}@example.com"
    visits.expected += ["409", "422"]
    officer = account(url, f"worker-{lang}", "privacy_officer", [company], lang)
    account(url, f"colleague-{lang}", "operator", [company], lang)
    number = received(servers, company, lang, address)
    page = signed_in(visits, servers, f"worker-{lang}", bypass_csp=True)  # for axe
    expect(page.locator("table.queue")).to_contain_text(number)
    assert violations(page) == []
    browser.snap(page, f"requests-queue-{lang}")
    # By keys: the first row has the focus, Enter opens it, u goes back.
    page.keyboard.press("j")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type(number)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(number)
    expect(page.locator("#keys-open")).to_be_visible()  # the script is there
    page.keyboard.press("n")
    expect(page.locator("#note-text")).to_be_focused()
    page.keyboard.type("half a note, ? n")
    assert violations(page) == []

    page.locator("form:has([value=me]) button[value=me]").click()
    expect(page.locator(".lead")).to_contain_text(f"Worker-{lang}".title())
    expect(page.locator("#note-text")).to_have_value("half a note, ? n")
    move(page, "awaiting_form_or_documents")
    expect(page.locator(".mail")).to_contain_text(words["mail"])
    page.locator("[value=send]:visible").click()
    expect(page.locator("#notice")).to_contain_text(words["sent"])
    # Without the day of the documents it goes no further, and the form stays open with what was typed.
    page.locator("#move-identity_check summary").click()
    page.locator("#move-identity_check [name=note]").fill("my words")
    page.locator("#move-identity_check [name=documents_at]").evaluate("(field) => (field.required = false)")
    page.locator("#move-identity_check .main").click()
    expect(page.locator(".problem")).to_be_focused()
    expect(page.locator("#move-identity_check [name=note]")).to_have_value("my words")
    # Meanwhile a colleague adds a note.
    other = signed_in(visits, servers, f"colleague-{lang}")
    other.goto(f"http://127.0.0.1:{servers.console_port}/requests/{number}")
    expect(other.locator("#ticket")).to_contain_text(words["sealed"])
    expect(other.locator("[value=email]")).to_have_count(0)
    other.locator("#note-text").fill("from a colleague")
    other.locator("#note-text").press("Tab")
    other.keyboard.press("Enter")
    expect(other.locator("#note-text")).to_have_value("")
    page.locator("#move-identity_check [name=documents_at]").fill(today(page))
    page.locator("#move-identity_check .main").click()
    expect(page.locator("[role=alert]")).to_contain_text(words["conflict"])
    expect(page.locator("[role=alert]")).to_contain_text(f"Colleague-{lang}".title())
    expect(page.locator("#move-identity_check [name=note]")).to_have_value("my words")
    expect(page.locator("#note-text")).to_have_value("half a note, ? n")
    assert violations(page) == []
    browser.snap(page, f"requests-conflict-{lang}", page.locator("[role=alert]"))
    page.locator("#move-identity_check .main").click()
    expect(page.locator(".state")).to_have_text(words["identity_check"])

    move(page, "in_review")
    expect(page.locator(".state")).to_have_text(words["review"])
    page.locator("#move-answered_partly summary").click()
    page.locator("#move-answered_partly [name=reason]").select_option("harm_to_rights")
    page.locator("#move-answered_partly [name=notice_date]").fill(today(page))
    page.locator("#move-answered_partly .main").click()
    expect(page.locator(".mail")).to_contain_text(number)
    assert address not in page.content()
    assert violations(page) == []
    browser.snap(page, f"requests-preview-{lang}", page.locator(".mail"))
    previewed = page.locator(".mail pre").inner_text()
    page.locator("[value=send]:visible").click()
    expect(page.locator("#notice")).to_contain_text(words["sent"])
    move(page, "closed")
    page.locator("[value=send]:visible").click()
    expect(page.locator(".state")).to_have_text(words["closed"])
    # received, documents, decision, closed; the code before them.
    wait_for(lambda: len(sent_to(servers, address)) == 5, what="the mails")
    decision = [mail for mail in sent_to(servers, address) if re.search("判断が記録|decision", str(mail["Subject"]))]
    assert len(decision) == 1
    assert decision[0].get_content().split() == previewed.split()
    # It was all done at one address, which names the request alone.
    assert page.url == f"http://127.0.0.1:{servers.console_port}/requests/{number}"
    kept = page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert not [secret for secret in (address, PERSONAL["name"], "half a note", "my words") if secret in kept]
    assert not holds([servers.log, *files_of(servers.data / "madoguchi.db")], address)
    assert officer


def move(page, to):
    page.locator(f"#move-{to} summary").click()
    page.locator(f"#move-{to} .main").click()


def today(page):
    return page.locator(".timeline .now .day").inner_text()


def sent_to(servers, address):
    return [mail for mail in mails(servers) if address in str(mail["To"])]


def test_a_personal_value_hides_again(visits, servers, url):
    account(url, "revealer", "privacy_officer", ["lexus"])
    address = "hidden.twice@example.com"
    number = received(servers, "lexus", "en", address)
    page = signed_in(visits, servers, "revealer")
    page.clock.install()
    page.goto(f"http://127.0.0.1:{servers.console_port}/requests/{number}")
    shown = page.locator("output", has_text=address)
    for leave in (
        lambda: page.clock.fast_forward(61_000),
        lambda: page.evaluate("() => window.dispatchEvent(new Event('blur'))"),
        lambda: page.locator("[data-hide]").click(),
    ):
        page.locator("[value=email]").click()
        expect(shown).to_be_visible()
        expect(page.locator("[value=email]")).to_be_hidden()
        leave()
        expect(page.locator("[value=email]")).to_be_visible()
        assert address not in page.content()
    page.locator("[value=email]").click()
    expect(shown).to_be_visible()
    page.goto(f"http://127.0.0.1:{servers.console_port}/requests")
    page.go_back()
    expect(page.locator("[value=email]")).to_be_visible()
    assert address not in page.content()


def test_without_scripts(visits, servers, url):
    account(url, "plain", "privacy_officer", ["lexus"])
    address = "no.scripts@example.com"
    number = received(servers, "lexus", "en", address)
    page = signed_in(visits, servers, "plain", java_script_enabled=False)
    page.locator("#find").fill(address)
    page.locator(".find button").click()
    page.get_by_text(number).click()
    page.locator("[value=email]").click()
    expect(page.locator(".value")).to_have_text(address)
    page.goto(f"http://127.0.0.1:{servers.console_port}/requests/{number}")
    page.locator("#note-text").fill("a note")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator("#ticket")).to_contain_text("There are 1 notes")
    page.locator("#move-awaiting_form_or_documents summary").click()
    page.locator("#move-awaiting_form_or_documents .main").click()
    expect(page.locator("#move-awaiting_form_or_documents .mail")).to_be_visible()
    page.locator("#move-awaiting_form_or_documents [value=send]").click()
    expect(page.locator(".state")).to_have_text("waiting for form or documents")


def test_filters_change_the_list_and_the_address(visits, servers, url):
    account(url, "filterer", "operator", ["lexus"])
    number = received(servers, "lexus", "en", "filtered@example.com")
    page = signed_in(visits, servers, "filterer")
    page.locator("[name=state]").select_option("in_review")
    expect(page.locator("#queue")).not_to_contain_text(number)
    assert page.url.endswith("state=in_review")
    page.go_back()
    expect(page.locator("#queue")).to_contain_text(number)
    page.locator("[name=type]").select_option("disclosure")
    expect(page.locator("#queue")).to_contain_text(number)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_audit_log_and_who_is_refused(visits, servers, url, lang):
    words = WORDS[lang]
    visits.expected.append("403")
    account(url, f"reader-{lang}", "auditor", lang=lang)
    page = signed_in(visits, servers, f"reader-{lang}", bypass_csp=True)
    expect(page.locator(".problem")).to_contain_text(words["refused"])
    page.goto(f"http://127.0.0.1:{servers.console_port}/audit")
    expect(page.locator("table.log .refused").first).to_be_visible()
    assert violations(page) == []
    page.locator("#verify summary").click()
    page.locator("#verify .main").click()
    expect(page.locator(".sound")).to_contain_text(words["sound"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy]").click()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == page.locator("#head").input_value()
    assert violations(page) == []
    browser.snap(page, f"audit-{lang}")
