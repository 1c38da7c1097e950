"""The look-up in a real browser: by keyboard alone in both languages, compositions, copies, pins, the comparison, axe."""

import json
import re
from datetime import datetime, timezone

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from . import browser
from .browser import ARTEFACTS
from .console import PASSWORD, account

chromium, visits = browser.chromium, browser.visits

TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
TALL = {"width": 1280, "height": 2400}
WIDE = {"width": 1280, "height": 860}
WORDS = {
    "ja": {
        "question": "レクサスに電話すると録音されますか",
        "answer": "録音・記録される",
        "source": "出典：レクサス",
        "other": "Source: LEXUS",
    },
    "en": {"question": "is my call to LEXUS recorded", "answer": "is recorded", "source": "Source: LEXUS", "other": "出典：レクサス"},
}


@pytest.fixture(scope="module")
def accounts(servers):
    database = f"sqlite:///{servers.data / 'madoguchi.db'}"
    return {lang: account(database, f"look-{lang}", "operator", lang=lang) for lang in ("ja", "en")}


@pytest.fixture
def open_page(visits, servers, accounts):
    def opened(lang="en", path="/", **options):
        context = visits.context(servers.console_port, **{"viewport": WIDE, **options})
        page = context.new_page()
        origin = f"http://127.0.0.1:{servers.console_port}"
        page.goto(f"{origin}/sign-in")
        page.locator("[name=name]").fill(f"look-{lang}")
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(f"{origin}/")
        if path != "/":
            page.goto(origin + path)
        expect(page.locator("html[data-lookup-ready]")).to_be_attached()
        return page

    return opened


@pytest.fixture(scope="module", autouse=True)
def model(servers, accounts):
    """The trained model is there: from now on no page says that words alone are searched."""
    from .client import wait_for
    from .console import Member

    member = Member(servers.console_port, "look-en")
    wait_for(lambda: "data-state=" not in member.post("/lookup", piece=True, q="x").text, 60, "the trained model")


def check(page, what):
    found = Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations"]}).response
    assert len(found["passes"]) > 5
    assert [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]] == [], what


def seek(page, text):
    """Type a query, wait for its results; returns them."""
    with page.expect_response(re.compile("/lookup$")):
        page.locator(".query").press_sequentially(text, delay=1)
    hits = page.locator(".answers article.hit")
    expect(hits.first).to_be_visible()
    return hits


def focused(page):
    return page.evaluate("() => document.activeElement.dataset.entry ?? document.activeElement.className")


def clipboard(page):
    return page.evaluate("() => navigator.clipboard.readText()")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_by_keyboard_alone(open_page, lang):
    words = WORDS[lang]
    page = open_page(lang, permissions=["clipboard-read", "clipboard-write"])
    keyboard = page.keyboard
    expect(page.locator(".query")).to_be_focused()
    hits = seek(page, words["question"])
    expect(hits.first).to_have_attribute("data-entry", "lexus/call-recording")
    expect(hits.first.locator(".own")).to_contain_text(words["answer"])
    expect(page.locator(".named")).to_be_visible()
    keyboard.press("ArrowDown")
    assert focused(page) == "lexus/call-recording"
    keyboard.press("Enter")
    expect(hits.first.locator("blockquote").first).to_contain_text("any communication are to be recorded")
    keyboard.press("Enter")
    expect(hits.first.locator("blockquote").first).to_be_hidden()
    keyboard.press("c")
    expect(page.locator("[data-toast]")).not_to_be_empty()
    own = clipboard(page)
    assert words["answer"] in own
    assert words["source"] in own.splitlines()[-1]
    keyboard.press("Shift+C")
    page.wait_for_function("(text) => navigator.clipboard.readText().then((now) => now !== text)", arg=own)
    assert words["other"] in clipboard(page).splitlines()[-1]
    keyboard.press("p")
    expect(page.locator("[data-kept] [data-entry='lexus/call-recording']")).to_be_visible()
    keyboard.press("/")
    expect(page.locator(".query")).to_be_focused()
    keyboard.type("手数料" if lang == "ja" else "fee")  # over what is selected
    expect(hits.first).to_have_attribute("data-entry", re.compile("#fee"))
    keyboard.press("Enter")
    first = focused(page)
    assert "#fee" in first
    keyboard.press("j")
    assert focused(page) != first
    keyboard.press("k")
    assert focused(page) == first
    keyboard.press("3")
    expect(hits.first).to_have_attribute("data-entry", "jamil#fee")
    expect(hits.first).to_have_class(re.compile("is-not_stated"))
    expect(page.locator("[name=company]:checked")).to_have_value("jamil")
    page.locator("body").press("0")
    expect(page.locator(".answers [data-entry='lexus#fee']")).to_be_visible()
    page.locator("body").press("?")
    expect(page.locator("[data-legend] dl")).to_be_hidden()
    page.locator("body").press("Escape")
    expect(page.locator(".query")).to_have_value("")
    expect(page.locator(".query")).to_be_focused()
    expect(page.locator(".answers article")).to_have_count(0)


def test_enter_right_after_the_last_letter_leads_to_the_newest_answer(open_page):
    page = open_page("en")
    seek(page, "cookies")
    page.locator(".query").fill("")
    page.keyboard.type("is my call to LEXUS recorded")
    page.keyboard.press("Enter")
    expect(page.locator("article.hit:focus")).to_have_attribute("data-entry", "lexus/call-recording")


def test_an_older_answer_never_replaces_a_newer_one(open_page):
    page = open_page("en")
    held = []

    def hold(route):
        if "q=cookie" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/lookup", hold)
    page.locator(".query").fill("cookies")
    page.wait_for_function("() => document.querySelector('.answers[aria-busy]')")
    page.locator(".query").fill("is my call to LEXUS recorded")
    hit = page.locator(".answers article.hit").first
    expect(hit).to_have_attribute("data-entry", "lexus/call-recording")
    for route in held:
        route.abort()
    page.wait_for_timeout(300)
    expect(hit).to_have_attribute("data-entry", "lexus/call-recording")


def test_nothing_is_asked_and_no_key_acts_while_japanese_is_composed(open_page):
    page = open_page("ja")
    asked = []
    page.on("request", lambda request: asked.append(request.post_data) if request.url.endswith("/lookup") else None)
    session = page.context.new_cdp_session(page)

    def compose(text):
        session.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})

    for text in ("て", "てす", "てすう", "手数料"):
        compose(text)
        page.wait_for_timeout(160)
    for key in ("Enter", "ArrowDown"):
        session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": key, "windowsVirtualKeyCode": 229})
    page.wait_for_timeout(200)
    assert asked == []
    expect(page.locator(".query")).to_be_focused()
    expect(page.locator(".query")).to_have_value("手数料")
    session.send("Input.insertText", {"text": "手数料"})
    expect(page.locator(".answers article.hit").first).to_have_attribute("data-entry", re.compile("#fee"))
    # Safari's order: the composition is over, and its Enter comes with 229.
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 229})
    page.wait_for_timeout(200)
    expect(page.locator(".query")).to_be_focused()
    assert len(asked) == 1


def test_the_browser_keeps_ids_and_no_words(open_page, accounts):
    page = open_page("ja", permissions=["clipboard-read", "clipboard-write"])
    hits = seek(page, "山田ですが録音されますか")
    hits.first.locator("[data-act=copy]").click()
    hits.first.locator("[data-act=pin]").click()
    entry = hits.first.get_attribute("data-entry")
    expect(page.locator("[data-kept] .hit")).to_have_count(1)
    kept = page.evaluate("() => ({...localStorage, ...sessionStorage})")
    assert kept.pop("htmx-current-path-for-history", "/") == "/"
    assert kept == {f"madoguchi.{what}.{accounts['ja']}": f'["{entry}"]' for what in ("pins", "recent")}
    assert "山田" not in page.url
    page.reload()
    expect(page.locator("[data-kept] .hit")).to_have_count(1)
    page.locator("[data-kept] [data-act=pin]").click()
    expect(page.locator("#kept-recent")).to_be_visible()
    page.locator("[data-kept] .hit a").first.click()
    expect(page.locator(".answers article.hit")).to_have_attribute("data-entry", entry)


def test_letter_keys_can_be_switched_off(open_page):
    page = open_page("en")
    seek(page, "cookies")
    page.locator("[data-keys]").uncheck()
    page.locator(".query").press("ArrowDown")
    first = focused(page)
    page.keyboard.press("j")
    assert focused(page) == first
    page.keyboard.press("ArrowDown")
    assert focused(page) != first
    page.locator("[data-keys]").check()


def test_a_chat_that_listens_takes_what_is_inserted(open_page):
    page = open_page("en")
    # As the page of a live chat includes the panel.
    page.evaluate(
        """() => {
          document.querySelector("main").innerHTML = '<textarea id="reply"></textarea><div id="side"></div>';
          window.taken = [];
          document.addEventListener("madoguchi:insert", (event) => { window.taken.push(event.detail); event.preventDefault(); });
          htmx.ajax("GET", "/lookup/panel?lang=ja", "#side");
        }"""
    )
    seek(page, "is my call to LEXUS recorded")
    page.locator("#reply").focus()
    page.keyboard.type("/c0?j")
    expect(page.locator("#reply")).to_have_value("/c0?j")
    page.locator(".query").press("ArrowDown")
    page.keyboard.press("i")
    page.keyboard.press("Shift+I")
    taken = page.evaluate("() => window.taken")
    assert [each["lang"] for each in taken] == ["ja", "en"]
    assert "録音・記録" in taken[0]["text"]
    assert taken[0]["clauses"][0] == "lexus/call-recording"
    assert page.evaluate("() => sessionStorage.getItem('madoguchi.insert')") is None


def test_what_nobody_takes_waits_for_the_open_chat(open_page):
    page = open_page("en")
    hits = seek(page, "is my call to LEXUS recorded")
    expect(hits.first.locator("[data-act=insert]")).to_be_hidden()
    page.evaluate("() => sessionStorage.setItem('madoguchi.chat', '/chats/test')")
    page.route("**/chats/test", lambda route: route.fulfill(body="<!doctype html><title>A chat</title>", content_type="text/html"))
    seek(page, "?")
    hits.first.locator("[data-act=insert]").click()
    page.wait_for_url("**/chats/test")
    waiting = json.loads(page.evaluate("() => sessionStorage.getItem('madoguchi.insert')"))
    assert waiting["lang"] == "en"
    assert waiting["clauses"] == ["lexus/call-recording"]
    assert waiting["text"].splitlines()[-1].startswith("Source: LEXUS")


def test_where_the_server_is_away_it_is_said_and_the_query_stays(open_page, visits):
    visits.expected.append("ERR_FAILED")
    page = open_page("en")
    page.route("**/lookup", lambda route: route.abort())
    page.locator(".query").fill("cookies")
    expect(page.locator("#notice")).to_contain_text("cannot be reached")
    expect(page.locator(".query")).to_have_value("cookies")
    page.unroute("**/lookup")
    page.locator(".query").press("Enter")
    expect(page.locator("article.hit:focus")).to_be_visible()
    expect(page.locator("#notice")).to_be_empty()


def test_the_desk_goes_by_the_clock_in_japan(open_page):
    page = open_page("en")
    for hour, said in ((8, "closed, opens at 9:00 today"), (12, "open until 18:00"), (18, "closed, opens at 9:00 tomorrow")):
        page.clock.set_fixed_time(datetime(2026, 11, 24, (hour - 9) % 24, 0, tzinfo=timezone.utc))
        page.reload()
        expect(page.locator("html[data-lookup-ready]")).to_be_attached()
        expect(page.locator(".desk [data-when]:not([hidden])")).to_contain_text(said)


def test_the_comparison_by_keyboard(open_page):
    page = open_page("en", "/compare")
    page.locator("[data-fold]").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("tr.facet:visible").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("() => document.activeElement.getAttribute('href')").startswith("/compare/")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.getAttribute('href')").startswith("/?entry=")
    page.keyboard.press("Enter")
    expect(page.locator(".answers article.hit")).to_have_count(1)
    page.go_back()
    page.locator("a[href='/?topic=fee&company=jamil']").press("Enter")
    expect(page.locator(".answers [data-entry='jamil#fee']")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_axe_finds_nothing(open_page, lang, scheme):
    page = open_page(lang, color_scheme=scheme, viewport=TALL, bypass_csp=True)
    is_kept = (lang, scheme) in (("ja", "light"), ("en", "dark"))
    if is_kept:
        check(page, "empty")
    hits = seek(page, WORDS[lang]["question"])
    hits.first.locator("details.original summary").click()
    hits.first.locator("[data-act=pin]").click()
    expect(page.locator("[data-kept] .hit").first).to_be_visible()
    check(page, "results")
    keep(page, f"lookup-{lang}-{scheme}")
    page.locator(".query").fill("明日の天気を教えてください" if lang == "ja" else "what's the weather")
    expect(page.locator(".note.out_of_scope")).to_be_visible()
    if is_kept:
        check(page, "nothing stated")
        keep(page, f"lookup-nothing-{lang}-{scheme}")
    page.goto(page.url + "compare")
    page.locator("[data-fold]").nth(3).click()
    check(page, "comparison")
    keep(page, f"compare-{lang}-{scheme}")
    page.goto(page.url + "/fee")
    check(page, "facet")
    keep(page, f"facet-{lang}-{scheme}")


def keep(page, name):
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"console-{name}.png", clip={"x": 0, "y": 0, "width": 1280, "height": 900})


@pytest.mark.parametrize("path", ["/", "/compare", "/compare/sharing"])
def test_nothing_has_to_be_scrolled_sideways(open_page, path):
    page = open_page("en", path, viewport={"width": 640, "height": 400})
    if path == "/":
        seek(page, "how long does it take")
    for size in ({"width": 640, "height": 400}, {"width": 320, "height": 568}):
        page.set_viewport_size(size)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (path, size)


def test_forced_colours(open_page):
    page = open_page("en", forced_colors="active")
    seek(page, "cookies")
    keep(page, "lookup-forced-colours")
