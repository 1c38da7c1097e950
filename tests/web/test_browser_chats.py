"""A live chat in two real browsers: the customer's widget and the console, by keyboard; what assistive technology finds."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from . import browser
from .browser import ARTEFACTS, ChatPage
from .client import GENEROUS, Chat, alone, answer, conversation_of
from .console import PASSWORD, Member, account

chromium, visits = browser.chromium, browser.visits
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]
WIDE = {"width": 1440, "height": 900}
WORDS = {
    "ja": {
        "ask": "担当者と話したいです",
        "called": "担当者をお呼びしています（1番目）",
        "answers": "担当者がお答えしています",
        "person": "担当者",
        "hello": "お待たせいたしました",
        "types": "お客様が入力しています",
        "staff_types": "担当者が入力しています",
        "more": "もう少し教えてください <b>?",
        "query": "電話番号",
        "returned": "ここからは、自動応答がお答えします",
    },
    "en": {
        "ask": "Let me talk to somebody",
        "called": "Staff have been called (you are number 1)",
        "answers": "A member of staff answers",
        "person": "Staff",
        "hello": "Thank you for waiting",
        "types": "The customer is typing",
        "staff_types": "Staff are typing",
        "more": "Tell me more <b>?",
        "query": "telephone number",
        "returned": "From here on the assistant answers",
    },
}


def check(page, what):
    """No violation of WCAG 2.2 AA that axe can see."""
    found = Axe().run(page, options={"runOnly": TAGS, "resultTypes": ["violations"]}).response
    assert len(found["passes"]) > 5
    violations = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found["violations"]]
    assert not violations, f"{what}: {violations}"


def snap(page, name):
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png")


def console(visits, gateway, name, **options):
    """Somebody's console in a browser of its own, signed in, at the chats."""
    page = visits.context(gateway.console_port, viewport=WIDE, **options).new_page()
    page.goto(f"http://127.0.0.1:{gateway.console_port}/sign-in?to=/chats")
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r":\d+/chats$"))
    return page


def ask_for_person(stub, chat, lang, text, company="lexus"):
    stub.on[text] = lambda: (200, [answer("nobody", kind="human", company=company, topic="contact", language=lang)])
    chat.send(text)


@pytest.fixture(scope="module")
def gateway(stub, tmp_path_factory):
    """One whose queue is empty."""
    with alone(tmp_path_factory.mktemp("live"), stub, **GENEROUS) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def people(gateway):
    url = f"sqlite:///{gateway.database}"
    for name, lang in (("live-ja", "ja"), ("live-en", "en"), ("live-other", "en")):
        account(url, name, "operator", ["lexus", "infiniti"], lang)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_from_the_queue_to_the_answer_and_back(visits, gateway, stub, lang):
    words, dark = WORDS[lang], {"color_scheme": "dark"} if lang == "en" else {}
    staff = console(visits, gateway, f"live-{lang}", bypass_csp=True, **dark)
    check(staff, "no chats")
    staff.locator("#switch").press("Enter")
    expect(staff.locator("#switch")).to_have_attribute("aria-checked", "true")
    customer = ChatPage.open(visits.context(gateway.port, bypass_csp=True, **dark), gateway.port, lang)
    ask_for_person(stub, customer, lang, words["ask"])
    expect(customer("#staff p").first).to_have_text(words["called"])
    check(customer.page, "the customer waits")
    browser.snap(customer.page, f"live-waiting-{lang}")
    expect(staff.locator("[data-badge=chats]")).to_have_text("1")
    expect(staff).to_have_title(re.compile(r"^\(1\) "))
    expect(staff.locator("#queue .clock")).to_have_text(re.compile(r"\d:\d\d"))
    snap(staff, f"chats-queue-{lang}")

    # By keyboard: down the list, open, take.
    staff.locator("main").focus()
    staff.keyboard.press("j")
    staff.keyboard.press("Enter")
    expect(staff.locator("#take")).to_be_visible()
    check(staff, "a chat that waits")
    staff.keyboard.press("t")
    expect(staff.locator("#text")).to_be_focused()
    expect(customer("#staff p").first).to_have_text(words["answers"])

    # A canned reply, chosen by keyboard, is seen by the customer with who says it.
    staff.keyboard.type("/hel")
    expect(staff.locator("#choices [role=option]")).to_have_count(1)
    check(staff, "canned replies")
    staff.keyboard.press("Enter")
    expect(staff.locator("#text")).to_have_value(re.compile(words["hello"]))
    expect(customer("#types")).to_have_text(words["staff_types"])
    staff.keyboard.press("Enter")  # a line, and nothing sent
    expect(customer("[data-sender=person]")).to_have_count(0)
    staff.keyboard.press("Control+Enter")
    said = customer("[data-sender=person]").last
    expect(said.locator(".body")).to_contain_text(words["hello"])
    expect(said.locator(".who span").first).to_have_text(words["person"])
    expect(staff.locator("#log .pending")).to_have_count(0)
    expect(staff.locator("#log [data-mine]")).to_have_count(1)

    # The customer types, and writes.
    customer.box.press_sequentially("?!")
    expect(staff.locator("#types")).to_have_text(words["types"])
    customer.send(words["more"])
    expect(staff.locator("#log [data-sender=customer]").last.locator(".body")).to_have_text(words["more"])
    expect(staff.locator("#types")).to_have_text("")

    # What the look-up finds goes into the reply by keyboard, and its source to the customer.
    staff.locator("#log").focus()
    staff.keyboard.press("l")
    staff.keyboard.type(words["query"])
    staff.keyboard.press("Enter")
    expect(staff.locator("#lookup article.hit:focus")).to_be_visible()
    staff.keyboard.press("i")
    expect(staff.locator("#sources .tag")).not_to_have_count(0)
    snap(staff, f"chats-insert-{lang}")
    check(staff, "a chat of mine")
    staff.keyboard.press("Control+Enter")
    answered = customer("[data-sender=person]").last
    expect(answered.locator("details.source")).to_be_visible()
    customer.unfold(answered)
    check(customer.page, "staff answer")
    browser.snap(customer.page, f"live-answered-{lang}", answered)

    # A note is for colleagues.
    staff.locator("#log").focus()
    staff.keyboard.press("n")
    staff.keyboard.type("between us")
    staff.keyboard.press("Control+Enter")
    expect(staff.locator("#log [data-sender=note]")).to_contain_text("between us")

    # Menus, and back to the assistant.
    for menu in ("transfer", "close", "export"):
        staff.locator(f"#{menu} summary").press("Enter")
        expect(staff.locator(f"#{menu}")).to_have_attribute("open", "")
        if menu == "transfer":
            expect(staff.locator("#transfer [name=to]")).to_have_count(1)  # nobody else is there: the queue
        check(staff, menu)
        staff.keyboard.press("Escape")
        expect(staff.locator(f"#{menu}")).not_to_have_attribute("open", "")
    staff.locator("#to-assistant").press("Enter")
    expect(customer("[data-sender=system] .body").last).to_contain_text(words["returned"])
    expect(customer("#staff")).to_have_count(0)
    expect(staff.locator("#composer")).to_be_hidden()
    expect(customer.ask("anything").locator(".body")).to_have_text("re: anything")
    assert "between us" not in customer.page.content()
    assert "re: anything" not in staff.content()
    check(staff, "a chat that has ended")
    staff.locator("#switch").press("Enter")
    expect(staff.locator("#switch")).to_have_attribute("aria-checked", "false")


@pytest.fixture
def waiting(gateway, stub):
    """A customer in the queue."""
    member = Member(gateway.console_port, "live-other")
    member.post("/chats/available", available="1")
    chat = Chat(gateway.port, "infiniti", "ja")
    ask_for_person(stub, chat, "ja", "だれかと話したい", "infiniti")
    chat.settled()
    assert chat.state()["state"] == "queued"
    yield chat, conversation_of(gateway.database, chat)["id"], member
    chat.http.post("/api/conversation/handover", json={"want": "assistant"})
    member.post("/chats/available", available="0")


def test_a_colleague_was_quicker(visits, gateway, waiting):
    visits.expected.append("409")
    _, mine, member = waiting
    staff = console(visits, gateway, "live-en")
    staff.goto(f"http://127.0.0.1:{gateway.console_port}/chats/{mine}")
    staff.route("**/stream?*", lambda _: None)  # this page does not hear of it in time
    staff.reload()
    member.post(f"/chats/{mine}/take", piece=True)
    staff.locator("#take").click()
    expect(staff.locator("#notice")).to_contain_text("Live-Other was quicker")
    staff.context.close()
    # What htmx says of the refusal.
    visits.problems = [problem for problem in visits.problems if "Error Code 409" not in problem]


def test_writing(visits, gateway, waiting):
    """Nothing is sent in the middle of a word, nothing personal without a second look; a draft stays; what was sent comes once."""
    visits.expected += ["409", "ERR_INTERNET_DISCONNECTED"]
    chat, mine, _ = waiting
    staff = console(visits, gateway, "live-ja")
    staff.goto(f"http://127.0.0.1:{gateway.console_port}/chats/{mine}")
    staff.locator("#take").click()
    box = staff.locator("#text")
    expect(box).to_be_focused()
    box.fill("へんかん")
    for how in ({"isComposing": True}, {"keyCode": 229}):
        event = {"key": "Enter", "ctrlKey": True, "bubbles": True, "cancelable": True, **how}
        box.evaluate("(box, event) => box.dispatchEvent(new KeyboardEvent('keydown', event))", event)
    expect(box).to_have_value("へんかん")
    staff.reload()
    expect(box).to_have_value("へんかん")
    box.fill("電話は 090-1234-5678")
    box.press("Control+Enter")
    expect(staff.locator("#warning")).to_contain_text("電話番号")
    assert not chat.messages(sender="person")
    staff.locator("#warning button").click()
    expect(staff.locator("#log [data-mine]:not(.pending)")).to_have_count(1)
    # Setting: Enter sends.
    staff.locator(".quietly summary").click()
    staff.locator("[data-setting=enter]").check()
    box.fill("一行")
    box.press("Shift+Enter")
    box.press("Enter")
    expect(staff.locator("#log [data-mine]:not(.pending)")).to_have_count(2)
    # Without a connection it is kept, and sent once there is one again.
    staff.context.set_offline(True)
    box.fill("届きますか")
    box.press("Enter")
    expect(staff.locator("#log .pending")).to_have_count(1)
    staff.context.set_offline(False)
    expect(staff.locator("#log .pending")).to_have_count(0)
    expect(staff.locator("#log [data-mine]")).to_have_count(3)
    assert [m["blocks"][0]["runs"][0]["text"] for m in chat.messages(sender="person")][2] == "届きますか"
    # A key for the page does nothing where it is switched off, or in a box.
    staff.locator("details.quietly [data-keys]").uncheck()
    staff.locator("#log").focus()
    staff.keyboard.press("n")
    expect(staff.locator("#composer [value=say]")).to_be_checked()


def test_small_and_forced_colours(visits, gateway, waiting):
    _, mine, member = waiting
    member.post(f"/chats/{mine}/take", piece=True)
    staff = console(visits, gateway, "live-other", forced_colors="active", reduced_motion="reduce")
    staff.goto(f"http://127.0.0.1:{gateway.console_port}/chats/{mine}")
    staff.set_viewport_size({"width": 720, "height": 450})  # a desktop at 200 %
    assert staff.evaluate("document.documentElement.scrollWidth <= innerWidth")
    staff.locator("#text").scroll_into_view_if_needed()
    expect(staff.locator("#send")).to_be_visible()
    snap(staff, "chats-small")
