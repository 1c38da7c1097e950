"""Reports and the review in a browser: both languages and schemes, axe, narrow windows, a question worked by the keyboard alone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from madoguchi.store import Database, utc_now

from . import browser
from .browser import snap
from .console import Member, account
from .planted import plant, turn
from .test_browser_access import check

chromium, visits = browser.chromium, browser.visits

LANGS = ("ja", "en")
PICTURES = {("ja", "light"), ("en", "dark")}


@pytest.fixture(scope="module")
def staff(gateway, corpus):
    """Somebody of Jamil Shoji in each language, and a month of conversations."""
    database = Database(f"sqlite:///{gateway.database}")
    for lang in LANGS:
        account(f"sqlite:///{gateway.database}", f"seen-{lang}", "operator", ["jamil"], lang=lang)
    now = utc_now()
    for n, entry in enumerate(corpus.entries_of("jamil")[::3]):
        kind = "not_stated" if entry.id.startswith("jamil#") and not entry.stated else "answer"
        for lang in LANGS:
            question = entry.asked_as[lang][n % 5]
            more = {"lang": lang, "text": entry.says[lang], "citations": list(corpus.cited(entry)), "vote": n % 3 > 0, "words": False}
            plant(database, [turn(question, kind, "jamil", entry.topic, **more)], at=now - timedelta(days=n % 29, hours=1))
    plant(database, [turn("a thing that failed", "failed", sender="system")], site="jamil")
    for n in range(12):
        plant(database, [turn(f"謎の言い回し その{n}", "clarify", "jamil", lang="ja", text="次のどれについてお知りになりたいですか。")])
    plant(database, [turn("番頭さんに取り次いでほしい 090-[phone]", "clarify", "jamil", lang="ja", text="次のどれでしょうか。")])
    plant(database, [turn("the newest riddle", "out_of_scope", "jamil", text="I can help with the privacy policies.")])
    database.engine.dispose()
    return gateway


def signed_in(visits, gateway, lang, **options):
    context = visits.context(gateway.console_port, **options)
    member = Member(gateway.console_port, f"seen-{lang}")
    cookies = [
        {"name": name, "value": value, "url": f"http://127.0.0.1:{gateway.console_port}"} for name, value in member.http.cookies.items()
    ]
    context.add_cookies(cookies)
    return context.new_page()


def go(page, gateway, path):
    page.goto(f"http://127.0.0.1:{gateway.console_port}{path}")


def fits(page):
    return page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", LANGS)
def test_axe_finds_nothing_on_the_reports(visits, staff, lang, scheme):
    visits.expected.append("status of 422")
    page = signed_in(visits, staff, lang, bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 3200})
    go(page, staff, "/reports?days=30")
    for summary in page.locator("summary").all()[:3]:
        summary.click()
    check(page, f"reports {lang} {scheme}")
    if (lang, scheme) in PICTURES:
        snap(page, f"console-reports-{lang}-{scheme}")
        snap(page, f"console-reports-tables-{lang}-{scheme}", page.locator("#topics"))
    go(page, staff, "/reports?from=2026-01-02&to=2026-01-01")
    expect(page.locator(".problem")).to_be_visible()
    check(page, "a wrong period")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", LANGS)
def test_axe_finds_nothing_in_the_review(visits, staff, lang, scheme):
    visits.expected.append("status of 422")
    page = signed_in(visits, staff, lang, bypass_csp=True, color_scheme=scheme, viewport={"width": 1280, "height": 2400})
    go(page, staff, "/review")
    check(page, "the list")
    page.locator("#questions a", has_text="番頭さん").click()
    expect(page.locator("#find")).to_be_focused()
    check(page, "a question")
    if (lang, scheme) in PICTURES:
        snap(page, f"console-review-{lang}-{scheme}", page.locator("#decide"))
    page.locator("#entry").select_option("jamil/contact")
    page.locator("#accept").click()
    expect(page.locator("#problem")).to_contain_text("電話番号" if lang == "ja" else "telephone number")
    expect(page.locator("#wording")).to_be_focused()
    expect(page.locator("#entry")).to_have_value("jamil/contact")
    check(page, "a refusal")
    go(page, staff, "/review?show=written&company=jamil")
    check(page, "nothing written")


@pytest.mark.parametrize("width", [320, 640])
def test_nothing_has_to_be_scrolled_sideways(visits, staff, width):
    page = signed_in(visits, staff, "en", viewport={"width": width, "height": 640})
    for path in ("/reports", "/review", "/review?show=accepted"):
        go(page, staff, path)
        assert fits(page), path
    go(page, staff, "/review")
    page.locator("#questions a").first.click()
    expect(page.locator("#find")).to_be_visible()
    assert fits(page)


def test_the_plot_can_be_told_apart_without_colours_of_its_own(visits, staff):
    page = signed_in(visits, staff, "en", forced_colors="active")
    go(page, staff, "/reports")
    fill = "(name) => getComputedStyle(document.querySelector(`.plot .s-${name}`)).fill"
    answered, not_stated = (page.evaluate(fill, name) for name in ("answered", "not_stated"))
    assert answered != not_stated
    snap(page, "console-reports-forced")
    # What the plot shows stands in a table too.
    page.locator("summary", has_text="The numbers as a table").click()
    shown = sum(int(cell.replace(",", "")) for cell in page.locator("#trend td:nth-child(2)").all_inner_texts())
    assert shown == int(page.locator(".totals dd b").first.inner_text().replace(",", ""))


def test_a_period_and_a_company_are_chosen_without_scripts(visits, staff):
    page = signed_in(visits, staff, "en", java_script_enabled=False)
    go(page, staff, "/reports")
    page.get_by_role("link", name="7 days", exact=True).click()
    expect(page.locator("[aria-current=true]")).to_have_text("7 days")
    page.locator("[name=company]").select_option("jamil")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("company=jamil"))
    # The dates are those of the last seven days still.
    expect(page.locator("[aria-current=true]")).to_have_text("7 days")
    go(page, staff, "/review")
    page.locator("#questions a").first.click()
    expect(page.locator("#decide")).to_be_visible()


def test_three_presses_are_three_questions_further_however_slow_the_first_answer(visits, staff):
    page = signed_in(visits, staff, "ja")
    go(page, staff, "/review")
    words = page.locator("#questions .words").all_inner_texts()
    held = []
    page.route(re.compile("/review/"), lambda route: held.append(route))  # noqa: PLW0108 - a builtin takes no attribute of Playwright's
    with page.expect_request(re.compile("/review/")):
        for _ in range(3):
            page.keyboard.press("j")
    with page.expect_request(re.compile("/review/")):
        held.pop().continue_()
    expect(page.locator(".item .asked")).to_have_text(words[0])
    expect(page.locator("#questions [aria-current] .words")).to_have_text(words[2])
    held.pop().continue_()
    expect(page.locator(".item .asked")).to_have_text(words[2])


def test_letter_keys_are_switched_off_on_every_page(visits, staff):
    page = signed_in(visits, staff, "en")
    go(page, staff, "/review")
    page.get_by_label("Use letter keys").uncheck()
    page.locator("h1").click()
    page.keyboard.press("j")
    expect(page.locator("#questions [aria-current]")).to_have_count(0)
    go(page, staff, "/requests")
    page.keyboard.press("/")
    expect(page.locator("#find")).not_to_be_focused()
    page.locator("#keys-open").click()
    page.get_by_label("Use letter keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#find")).to_be_focused()


def test_a_question_is_worked_by_the_keyboard_alone(visits, staff):
    page = signed_in(visits, staff, "ja")
    go(page, staff, "/review")
    before = page.locator("#questions a").count()
    current = page.locator("#questions [aria-current]")
    press = page.keyboard.press
    press("j")
    expect(current).to_have_count(1)
    first = current.locator(".words").inner_text()
    press("j")
    press("j")
    expect(page.locator(".item .asked")).to_have_text(current.locator(".words").inner_text())
    press("k")
    press("k")
    expect(current.locator(".words")).to_have_text(first)
    expect(page.locator(".item .asked")).to_have_text(first)
    press("/")
    page.keyboard.type("jk")  # in a field, letters are letters
    expect(page.locator("#find")).to_have_value("jk")
    expect(page.locator("#count")).to_have_text("該当する条項がありません。")
    press("Escape")
    page.keyboard.insert_text("問い合わせ窓口 電話")
    expect(page.locator("#entry option").first).to_be_attached()
    press("ArrowDown")
    expect(page.locator("#entry")).to_be_focused()
    expect(page.locator("#says")).to_contain_text("ジャミール商事")
    chosen = page.locator("#entry").input_value()
    press("Enter")
    expect(page.locator("#wording")).to_be_focused()
    press("Control+A")
    page.keyboard.insert_text("帳場の人に取り次いでもらう方法")
    following = page.locator("#questions a").nth(1).locator(".words").inner_text()
    press("Enter")
    expect(page.locator(".told")).to_have_text("採用しました。")
    # The next question is open, with the focus where its work begins.
    expect(page.locator(".item .asked")).to_have_text(following)
    expect(page.locator("#find")).to_be_focused()
    assert page.locator("#questions a").count() == before - 1
    press("Escape")
    expect(current).to_be_focused()
    go(page, staff, "/review?show=accepted")
    row = page.locator("tbody tr", has_text="帳場の人に取り次いでもらう方法")
    expect(row).to_have_count(1)
    assert chosen.startswith("jamil")
    snap(page, "console-review-accepted-ja")
    row.get_by_role("button").focus()
    press("Enter")
    expect(page.locator(".told")).to_contain_text("取り消しました")
    expect(row).to_have_count(0)


def test_no_key_acts_while_japanese_is_composed(visits, staff):
    page = signed_in(visits, staff, "ja")
    go(page, staff, "/review")
    page.locator("#questions a").first.click()
    expect(page.locator("#find")).to_be_focused()
    page.locator("#entry").select_option(index=1)
    page.locator("#wording").focus()
    devtools = page.context.new_cdp_session(page)
    devtools.send("Input.imeSetComposition", {"text": "ちょうば", "selectionStart": 4, "selectionEnd": 4})
    devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Process", "code": "Enter", "windowsVirtualKeyCode": 229})
    devtools.send("Input.insertText", {"text": "帳場"})
    page.wait_for_timeout(200)
    expect(page.locator(".told")).to_have_count(0)
    expect(page.locator("#wording")).to_have_value(re.compile("帳場"))
