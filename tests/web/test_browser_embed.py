"""The widget on a company's page: another origin, a strict content policy."""

import pytest
from playwright.sync_api import expect

from . import browser
from .browser import ARTEFACTS, DESKTOP, PHONE, ChatPage, Host, snap
from .client import GENEROUS, Gate, Gateway, answer, connect, wait_for

chromium, visits = browser.chromium, browser.visits


@pytest.fixture(scope="module")
def host(servers, tmp_path_factory):
    """A host page that may hold the chat of a gateway, which has the product's Rasa behind it."""
    made = Host(0)
    settings = {
        "MADOGUCHI_RASA_PORT": str(servers.port),
        "MADOGUCHI_ACTION_PORT": str(servers.action_port),
        "MADOGUCHI_CHANNEL_KEY": (servers.data / "channel.key").read_text(),
        "MADOGUCHI_ORIGINS": f"lexus={made.origin}",
    }
    gateway = Gateway(tmp_path_factory.mktemp("embed") / "data", {**GENEROUS, **settings})
    made.gateway_port = gateway.port
    try:
        gateway.start()
        yield made.start()
    finally:
        made.stop()
        gateway.stop()


def at(visits, host, **options):
    """The host page, in a browser of its own."""
    page = visits.context(host.gateway_port, host.origin, **options).new_page()
    page.goto(f"{host.origin}/one")
    return page


def launcher(page):
    return page.locator("button[aria-expanded]")


def opened(page):
    launcher(page).click()
    chat = ChatPage.embedded(page)
    expect(chat.box).to_be_focused()
    return chat


def focused(page):
    return page.evaluate("() => document.activeElement.shadowRoot?.activeElement?.tagName")


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_customer_of_a_strict_page_is_answered(visits, host, size):
    page = at(visits, host, viewport=size)
    expect(launcher(page)).to_have_text("個人情報のご質問")
    expect(launcher(page)).to_have_attribute("aria-expanded", "false")
    assert len(page.frames) == 1  # nothing is loaded before it is wanted
    chat = opened(page)
    expect(launcher(page)).to_be_hidden()
    frame = page.locator("iframe").bounding_box()
    assert (frame["width"] == PHONE["width"]) == (size == PHONE)
    assert frame["height"] <= size["height"]
    expect(chat("#place")).to_have_text("レクサス")
    page.keyboard.type("レクサスに電話すると録音されますか")
    page.keyboard.press("Enter")
    expect(chat.message(2)).to_contain_text("録音・記録されるとしています")
    assert "are to be recorded" in chat.unfold(chat.message(2)).inner_text()
    if size == DESKTOP:
        snap(page, "embedded-ja-light")
    assert page.evaluate("() => Object.keys(localStorage)") == [f"madoguchi:http://127.0.0.1:{host.gateway_port}:lexus"]
    page.keyboard.press("Escape")
    expect(page.locator("iframe")).to_be_hidden()
    expect(launcher(page)).to_be_visible()
    assert focused(page) == "BUTTON"
    page.keyboard.press("Enter")
    expect(chat.box).to_be_focused()
    assert focused(page) == "IFRAME"
    chat("#close").click()
    expect(page.locator("iframe")).to_be_hidden()
    assert focused(page) == "BUTTON"


def test_the_conversation_goes_along_from_page_to_page_and_tab_to_tab(visits, host):
    page = at(visits, host)
    chat = opened(page)
    chat.ask("個人情報は何に使われますか")
    page.keyboard.press("Escape")
    page.get_by_text("Two").click()
    expect(page.locator("h1")).to_have_text("/two")
    chat = opened(page)
    expect(chat.message(2)).to_be_visible()
    tab = page.context.new_page()
    tab.goto(f"{host.origin}/one")
    other = opened(tab)
    expect(other.message(2)).to_be_visible()
    assert other.seen() == chat.seen()
    other.ask("レクサスに電話すると録音されますか")
    expect(chat.message(4)).to_be_attached()
    other.end()
    expect(other.notice).to_contain_text("会話を削除しました")
    expect(chat.notice).to_contain_text("前の会話は終了しました")
    assert chat.seen() == []
    for each in (page, tab):
        assert each.evaluate("() => localStorage.length") == 0


def test_a_closed_panel_holds_no_stream_and_says_what_is_unread(visits, gateway, stub):
    stub.on["読まずに閉じる"] = gate = Gate((200, [answer("閉じてから届く", language="ja")]))
    page = visits.context(gateway.port).new_page()
    page.clock.install()
    page.goto(f"http://127.0.0.1:{gateway.port}/?lang=ja")
    streams = []
    for event in ("request", "requestfailed"):
        page.on(event, lambda request, event=event: streams.append(event) if "/stream" in request.url else None)
    chat = opened(page)
    chat.send("読まずに閉じる")
    expect(chat.message(1)).to_be_visible()
    assert streams == ["request"]
    page.keyboard.press("Escape")
    expect(launcher(page)).to_be_visible()
    for _ in range(50):
        if len(streams) == 2:
            break
        page.wait_for_timeout(100)
    assert streams == ["request", "requestfailed"]
    gate.open()
    [token] = page.evaluate("() => Object.values(localStorage)")
    mine = connect(gateway.port)
    wait_for(lambda: not mine.get("/api/conversation", headers={"Authorization": f"Bearer {token}"}).json()["working"])
    page.clock.fast_forward(26_000)  # the page asks every 25 s while the panel is closed
    expect(launcher(page).locator("b")).to_have_text("未読 1")
    page.screenshot(path=ARTEFACTS / "unread-ja.png")
    launcher(page).click()
    expect(launcher(page).locator("b")).to_be_hidden()
    expect(chat.message(2)).to_contain_text("閉じてから届く")


def test_a_page_that_is_not_listed_cannot_hold_the_chat(visits, host):
    for other in (Host(host.gateway_port), Host(host.gateway_port, "jamil", host.port)):
        is_listed_for_another_site = other.port == host.port
        if is_listed_for_another_site:
            host.site = "jamil"
        else:
            other.start()
        try:
            page = at(visits, other)
            launcher(page).click()
            page.wait_for_timeout(800)
            assert page.frames[1].url.startswith("chrome-error:")
            assert [problem for problem in visits.problems if "frame-ancestors" in problem]
            assert len(visits.problems) == 1, visits.problems
            visits.problems.clear()
            # What did not load can be closed.
            expect(launcher(page)).to_be_visible()
            launcher(page).click()
            expect(page.locator("iframe")).to_be_hidden()
        finally:
            host.site = "lexus"
            if not is_listed_for_another_site:
                other.stop()


def test_messages_of_others_than_the_chat_are_not_heard(visits, host):
    page = at(visits, host)
    opened(page)
    for forged in ({"madoguchi": "token", "token": "A" * 43}, {"madoguchi": "unread", "count": 9}, {"madoguchi": "close"}):
        page.evaluate("(message) => { postMessage(message, '*') }", forged)
    page.wait_for_timeout(200)
    assert page.evaluate("() => localStorage.length") == 0
    expect(launcher(page).locator("b")).to_be_hidden()
    expect(page.locator("iframe")).to_be_visible()


def test_a_host_page_without_storage_has_a_chat_all_the_same(visits, host):
    context = visits.context(host.gateway_port, host.origin)
    context.add_init_script(
        "for (const n of ['localStorage', 'sessionStorage']) "
        "Object.defineProperty(window, n, {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    page = context.new_page()
    page.goto(f"{host.origin}/one")
    chat = opened(page)
    chat.ask("レクサスに電話すると録音されますか")
    chat("#close").click()
    launcher(page).click()
    expect(chat.message(2)).to_be_visible()


@pytest.mark.parametrize("lang, name", [("ja", "ジャミール商事"), ("en", "Jamil Shoji")])
def test_the_demonstration_page_has_the_widget_of_the_chosen_site(visits, servers, lang, name):
    page = visits.context(servers.gateway_port).new_page()
    page.goto(f"http://127.0.0.1:{servers.gateway_port}/?lang={lang}")
    page.locator("nav a").filter(has_text=name).click()
    expect(page.locator("nav [aria-current]")).to_contain_text(name)
    assert f"http://127.0.0.1:{servers.gateway_port}/embed.js" in page.locator("#line").inner_text()
    chat = opened(page)
    expect(chat("#place")).to_contain_text(name)
    found = chat.ask("個人情報は何に使われますか" if lang == "ja" else "What is my personal data used for?")
    expect(found.locator("details.source summary")).to_contain_text(name)
