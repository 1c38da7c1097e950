"""A data subject request in a real browser: from the wish to a proven mailbox, the look-up, and the page of a link (issue 5)."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from madoguchi.answers.form import title

from . import browser
from .client import files_of, holds, wait_for
from .test_requests import NUMBER, WISHES, mails

chromium, visits = browser.chromium, browser.visits
TAGS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
BUTTONS = {
    "ja": ("連絡先を送信する", "コードを確認する", "確認コードを請求する", "状況を確認する"),
    "en": ("Send contact details", "Check the code", "Request a code", "Show the status"),
}


def press(chat, language, *names):
    for name in names:
        offers = chat(".offers:not([hidden]) button").get_by_text(title(name, language), exact=True)
        offers.last.click()
        expect(chat("[data-sender=customer] .body").last).to_have_text(title(name, language))
        expect(chat("#status")).to_have_text("", timeout=15_000)


def code_in_newest(servers, recipient, count):
    def found():
        mine = [mail for mail in mails(servers) if recipient in str(mail["To"])]
        return mine[-1] if len(mine) >= count else None

    return re.search(r"(?<![0-9])[0-9]{8}(?![0-9])", wait_for(found).get_content()).group()


def violations(page):
    return [
        (v["id"], [n["target"] for n in v["nodes"]]) for v in Axe().run(page, options={"runOnly": TAGS["runOnly"]}).response["violations"]
    ]


@pytest.mark.parametrize(("language", "company"), [("ja", "jamil"), ("en", "jin-jidosha")])
def test_from_the_wish_to_a_proven_mailbox_and_the_look_up(visits, servers, language, company):
    give, prove, ask_code, see = BUTTONS[language]
    visits.expected.append("422")
    name, address = "湖東 みぎわ", f"migiwa.{language}@example.com"
    chat = visits.chat(servers.gateway_port, language, site=company, bypass_csp=True)
    chat.ask(WISHES["disclosure"][language == "en"])
    press(chat, language, "relation_self", "channel_email", "about_all", "decision_open")
    card = chat(".card").last
    expect(card.locator(".purpose")).to_contain_text("Example Operator")
    number = NUMBER.search(chat("[data-sender=assistant] .body").last.inner_text()).group()
    assert violations(chat.page) == []
    card.locator("[name=name]").fill(name)
    card.locator("[name=email]").fill("nobody")
    card.get_by_role("button", name=give).click()
    expect(card.locator("[name=email]")).to_be_focused()
    assert card.locator("[name=name]").input_value() == name
    card.locator("[name=email]").fill(address)
    card.get_by_role("button", name=give).click()
    code_field = card.locator("[name=code]")
    expect(code_field).to_be_visible()
    code_field.fill(code_in_newest(servers, address, 1))
    card.get_by_role("button", name=prove).click()
    expect(code_field).to_be_hidden()
    browser.snap(chat.page, f"request-{language}")
    sent = len([mail for mail in mails(servers) if address in str(mail["To"])])
    page = visits.context(servers.gateway_port).new_page()
    page.goto(f"http://127.0.0.1:{servers.gateway_port}/status?lang={language}")
    page.locator("[name=ticket]").fill(number)
    page.get_by_role("button", name=ask_code).click()
    page.locator("[name=code]").fill(code_after(servers, address, sent))
    page.get_by_role("button", name=see).click()
    expect(page.locator("dl")).to_contain_text("担当者" if language == "ja" else "recorded")
    kept = [*files_of(servers.data / "madoguchi.db"), *files_of(servers.data / "tracker.db"), servers.log]
    assert not [found for value in (name, address) for found in holds(kept, value)]


def code_after(servers, recipient, sent):
    def newest():
        later = [mail for mail in mails(servers) if recipient in str(mail["To"])][sent:]
        codes = [c.group() for mail in later if (c := re.search(r"(?<![0-9])[0-9]{8}(?![0-9])", mail.get_content()))]
        return codes[-1] if codes else None

    return wait_for(newest, what="a code for the look-up")


def test_a_reload_brings_the_card_back(visits, servers):
    chat = visits.chat(servers.gateway_port, "ja", site="infiniti")
    chat.ask(WISHES["disclosure"][0])
    press(chat, "ja", "relation_self", "channel_letter", "about_all", "decision_open")
    expect(chat(".card [name=address]")).to_be_visible()
    chat.page.reload()
    expect(chat(".card [name=address]")).to_be_visible()


def test_the_link_of_another_channel(visits, servers):
    talk = servers.talk(site="jamil")
    talk(WISHES["disclosure"][0])
    for name in ("relation_self", "channel_phone", "about_all"):
        talk(title(name, "ja"))
    secret = re.search(r"/request#(\S+)", talk(title("decision_open", "ja")).text).group(1)
    page = visits.context(servers.gateway_port, bypass_csp=True).new_page()
    page.goto(f"http://127.0.0.1:{servers.gateway_port}/request?lang=ja#{secret}")
    expect(page.locator("[name=phone]")).to_be_visible()
    assert secret not in page.url
    assert violations(page) == []
    page.locator("[name=name]").fill("湖東")
    page.locator("[name=phone]").fill("03-1234-5678")
    page.get_by_role("button", name=BUTTONS["ja"][0]).click()
    expect(page.locator("[name=phone]")).to_be_hidden()
