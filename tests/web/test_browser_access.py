"""Whoever the customer is: axe in every state, small windows, forced colours, reduced motion, the keyboard alone. Keeps pictures."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from . import browser
from .browser import DESKTOP, PHONE, ChatPage, snap
from .client import Gate, Rasa, alone, answer, sql, wait_for

chromium, visits = browser.chromium, browser.visits

TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
WORDS = {
    "ja": ("レクサスに電話すると録音されますか", "共同利用されますか", "私のメールは me@example.com です"),
    "en": ("Are calls recorded?", "Is my data used jointly with other companies?", "My address is me@example.com"),
}
TALL = {"width": 1100, "height": 2400}  # so that nothing is scrolled out of axe's sight


@pytest.fixture(scope="module")
def down(tmp_path_factory):
    """A gateway whose Rasa is not there, and which takes one message a minute."""
    with alone(tmp_path_factory.mktemp("down"), Rasa(), MADOGUCHI_MESSAGES_A_MINUTE="1") as made:
        yield made


def pictures(lang, scheme):
    """Whether this pair is kept in pictures."""
    return (lang, scheme) in (("ja", "light"), ("en", "dark"))


def check(at, what):
    """No violation of WCAG 2.2 AA that axe can see."""
    found = Axe().run(at, options={"runOnly": TAGS, "resultTypes": ["violations"]}).response
    assert len(found["passes"]) > 5
    violations = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]
    assert not violations, f"{what}: {violations}"


@pytest.fixture(params=["light", "dark"])
def scheme(request):
    return request.param


@pytest.fixture(params=["ja", "en"])
def lang(request):
    return request.param


def test_axe_finds_nothing_in_a_conversation(visits, servers, lang, scheme):
    chat = visits.chat(servers.gateway_port, lang, bypass_csp=True, color_scheme=scheme, viewport=TALL)

    def state(name, shown=None):
        check(chat.at, name)
        if pictures(lang, scheme):
            snap(chat.page, f"{name}-{lang}-{scheme}", shown)

    recorded, joint, private = WORDS[lang]
    expect(chat("#about")).not_to_be_empty()
    state("1-start")
    chat.ask(private)
    found = chat.ask(recorded)
    chat.unfold(found)
    found.locator(".vote button").nth(1).click()
    expect(found.locator(".vote button").nth(2)).to_be_visible()
    state("2-answered", found.locator("blockquote"))
    joint = chat.ask(joint)
    expect(joint.locator(".offers button").first).to_be_visible()
    chat("#menu").click()
    expect(chat("#end")).to_be_visible()
    state("3-menu", joint.locator(".offers"))
    chat("#end").click()
    state("4-dialog")
    chat("#sure [value=end]").click()
    expect(chat.notice).not_to_be_empty()
    state("5-deleted")


def test_axe_finds_nothing_where_something_is_refused_or_away(visits, down, lang, scheme):
    visits.expected.append("status of 429")
    chat = visits.chat(down.port, lang, bypass_csp=True, color_scheme=scheme, viewport=TALL)

    def keep(name):
        if pictures(lang, scheme):
            snap(chat.page, f"{name}-{lang}-{scheme}")

    expect(chat("#ready")).not_to_be_empty()
    chat.send(WORDS[lang][0])
    expect(chat("[data-sender=system]")).to_be_visible()
    check(chat.at, "away")
    keep("6-away")
    chat.send(WORDS[lang][1])
    # Refused as too fast: said so, and the text is back in the box.
    expect(chat.notice).to_contain_text("60秒ほど待って" if lang == "ja" else "try again in 60 seconds")
    expect(chat.box).to_have_value(WORDS[lang][1])
    assert [sender for _, sender in chat.seen()] == ["customer", "system"]
    chat.box.fill("long " * 401)
    check(chat.at, "refused, too long")
    keep("7-refused")
    with sql(down.database) as connection:
        connection.execute("UPDATE conversation SET state = 'closed', version = version + 1")
    chat.page.reload()
    expect(chat("#fresh")).to_be_visible()
    expect(chat.box).to_be_hidden()
    check(chat.at, "closed")
    keep("8-closed")
    chat("#fresh").click()
    assert chat.seen() == []
    expect(chat.box).to_be_focused()


def test_axe_finds_nothing_on_the_other_pages(visits, servers, lang, scheme):
    page = visits.context(servers.gateway_port, bypass_csp=True, color_scheme=scheme).new_page()
    for path, name in (("/", "demo"), ("/kept", "kept")):
        page.goto(f"http://127.0.0.1:{servers.gateway_port}{path}?lang={lang}")
        check(page, path)
        if pictures(lang, scheme):
            snap(page, f"{name}-{lang}-{scheme}")
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
        page.set_viewport_size(DESKTOP)
    page.goto(f"http://127.0.0.1:{servers.gateway_port}/?lang={lang}")
    page.locator("button[aria-expanded]").click()
    chat = ChatPage.embedded(page)
    chat.ask(WORDS[lang][0])
    for at in (page, chat.at):
        check(at, "the widget on a page")
    if pictures(lang, scheme):
        snap(page, f"demo-open-{lang}-{scheme}")


WINDOWS = {
    "320": {"viewport": {"width": 320, "height": 568}},
    "zoom-200": {"viewport": {"width": 640, "height": 360}, "device_scale_factor": 2},  # of 1280 × 720
    "zoom-400": {"viewport": {"width": 320, "height": 256}, "device_scale_factor": 4},  # of 1280 × 1024
}


@pytest.mark.parametrize("window", WINDOWS)
def test_nothing_has_to_be_scrolled_sideways(visits, servers, window):
    port = servers.gateway_port
    chat = visits.chat(port, "en", bypass_csp=True, **WINDOWS[window])
    assert chat.fits()
    found = chat.ask("Are calls recorded? " + "w" * 300)
    chat.unfold(found)
    found.locator(".vote button").nth(1).click()
    chat.ask(WORDS["en"][1])
    assert chat.fits()
    if window == "320":
        check(chat.at, window)
    chat.page.screenshot(path=browser.ARTEFACTS / f"window-{window}.png")
    for part in (chat.box, chat("#send"), chat("#menu"), chat("#language")):
        expect(part).to_be_in_viewport(ratio=1)
    assert chat("#log").evaluate("(n) => n.clientHeight") >= (80 if window == "zoom-400" else 160)
    small = "(ns) => ns.filter((n) => n.offsetParent && (n.offsetWidth < 44 || n.offsetHeight < 44)).map((n) => n.outerHTML)"
    assert chat("button, summary, textarea").evaluate_all(small) == []
    chat("#menu").click()
    expect(chat("#end")).to_be_in_viewport(ratio=1)
    chat("#end").click()
    expect(chat("#sure [value='']")).to_be_in_viewport(ratio=1)
    chat("#sure [value='']").click()
    for path in ("/", "/kept"):
        chat.page.goto(f"http://127.0.0.1:{port}{path}?lang=en")
        assert chat.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path


@pytest.mark.parametrize("window", ["320", "zoom-200"])
def test_while_the_assistant_is_away_a_small_window_shows_the_conversation_and_the_box(visits, down, window):
    chat = visits.chat(down.port, "ja", **WINDOWS[window])
    expect(chat("#ready")).not_to_be_empty()
    chat.send(WORDS["ja"][0])
    expect(chat("[data-sender=system]")).to_be_attached()
    chat.page.screenshot(path=browser.ARTEFACTS / f"window-{window}-away.png")
    assert chat.fits()
    for part in (chat.box, chat("#send"), chat("#menu")):
        expect(part).to_be_in_viewport(ratio=1, timeout=2_000)
    assert chat("#log").evaluate("(n) => n.clientHeight") >= 80  # two lines and what is around them


SMALL = {"320": WINDOWS["320"], "zoom-200": WINDOWS["zoom-200"], "phone-with-keyboard": {"viewport": {"width": 360, "height": 400}}}


@pytest.mark.parametrize("window", SMALL)
def test_the_first_answer_is_brought_into_sight(visits, servers, window):
    chat = visits.chat(servers.gateway_port, "ja", **SMALL[window])
    expect(chat("#about")).not_to_be_empty()
    chat.ask(WORDS["ja"][0])
    top, wanted = chat("#log").evaluate(
        "(log) => [log.scrollTop, Math.min(log.querySelector('[data-seq=\"1\"]').offsetTop, log.scrollHeight - log.clientHeight)]"
    )
    assert top >= wanted - 9


def test_forced_colours_and_reduced_motion(visits, servers):
    chat = visits.chat(servers.gateway_port, "en", forced_colors="active", reduced_motion="reduce")
    found = chat.ask(WORDS["en"][0])
    chat.unfold(found)
    found.locator(".vote button").first.click()
    expect(found.locator(".vote")).to_contain_text("Thank you.")
    for part in (chat("#send"), chat.box, found.locator("figure")):
        assert part.evaluate("(n) => getComputedStyle(n).forcedColorAdjust") == "auto"
    assert chat("#send").evaluate("(n) => getComputedStyle(n).borderTopStyle") == "solid"
    chat("#menu").click()
    snap(chat.page, "forced-colours")
    chat.end()
    assert chat.seen() == []


@pytest.mark.parametrize(
    "motion, name",
    [
        ("no-preference", "wait"),
        pytest.param("reduce", "none"),
    ],
)
def test_the_sign_of_an_answer_under_way_moves_unless_motion_is_reduced(visits, gateway, stub, motion, name):
    text = f"held with {motion}"
    stub.on[text] = gate = Gate((200, [answer("at last")]))
    chat = visits.chat(gateway.port, "en", reduced_motion=motion)
    chat.send(text)
    expect(chat.status).to_have_text("Preparing an answer")
    found = chat.status.evaluate("(n) => getComputedStyle(n, '::after').animationName")
    gate.open()
    expect(chat.message(2)).to_be_visible()
    expect(chat.status).to_be_hidden()
    assert found == name


def test_the_keyboard_alone(visits, servers):
    chat = visits.chat(servers.gateway_port, "en")
    keyboard = chat.page.keyboard

    def walk(key, wanted):
        """Press a key until the focus is where it is wanted; what has it can be seen to have it."""
        passed = []
        while wanted not in (now := chat.focused()):
            passed.append(now)
            assert len(passed) < 40, passed
            keyboard.press(key)
        outline = chat.at.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", now
        return passed

    keyboard.press("Tab")
    passed = walk("Tab", "text")
    assert passed[:3] == ["language", "menu", "log"]
    keyboard.type(WORDS["en"][0])
    keyboard.press("Enter")
    expect(chat.message(2)).to_be_visible()
    walk("Shift+Tab", "SUMMARY Source")
    keyboard.press("Enter")
    expect(chat.message(2).locator("blockquote")).to_be_visible()
    walk("Tab", "BUTTON Yes")
    keyboard.press("Space")
    expect(chat.message(2).locator(".vote")).to_contain_text("Thank you.")
    walk("Tab", "text")
    keyboard.type(WORDS["en"][1])
    keyboard.press("Tab")
    assert chat.focused() == "send"
    keyboard.press("Enter")
    expect(chat.message(4)).to_be_visible()
    walk("Shift+Tab", "BUTTON Talk to a person")
    keyboard.press("Enter")
    expect(chat.message(6)).to_be_visible()
    assert chat.focused() == "text"
    walk("Shift+Tab", "menu")
    keyboard.press("Enter")
    expect(chat("#end")).to_be_visible()
    keyboard.press("Tab")
    assert chat.focused() == "save"
    keyboard.press("Escape")
    expect(chat("#end")).to_be_hidden()
    assert chat.focused() == "menu"
    keyboard.press("Enter")
    walk("Tab", "end")
    keyboard.press("Enter")
    expect(chat("#sure")).to_be_visible()
    keyboard.press("Escape")
    expect(chat("#sure")).to_be_hidden()
    wait_for(lambda: chat.focused() == "text", 5, "the focus in the field, which the closed dialog's event puts there")


def test_names_and_roles(visits, servers):
    chat = visits.chat(servers.gateway_port, "ja")
    chat.ask(WORDS["ja"][0])
    expect(chat.box).to_have_accessible_name("ご質問を入力")
    expect(chat("#menu")).to_have_accessible_name("メニュー")
    expect(chat.at.get_by_role("log", name="会話")).to_be_visible()
    expect(chat("#notice")).to_have_attribute("role", "alert")
    expect(chat.status).to_have_attribute("role", "status")
    expect(chat("#live")).to_contain_text("自動応答")
    chat("#menu").click()
    chat("#end").click()
    expect(chat.at.get_by_role("dialog")).to_have_accessible_name("会話を終了し、記録をすべて削除します。元に戻すことはできません。")


def test_a_phone_is_filled(visits, servers):
    chat = visits.chat(servers.gateway_port, "ja", viewport=PHONE, is_mobile=True, has_touch=True)
    chat.ask(WORDS["ja"][0])
    expect(chat("#send")).to_be_in_viewport(ratio=1)
    assert chat.fits()
    assert chat.at.evaluate("() => [document.body.offsetWidth, document.body.offsetHeight]") == [PHONE["width"], PHONE["height"]]
    chat.ask("共同利用されますか")
    chat.message(4).locator(".offers button").first.tap()
    expect(chat.message(6)).to_be_visible()
    assert chat.focused() == "log"  # no keyboard over the answer
