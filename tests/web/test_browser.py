"""The chat page in a real browser: what a customer does there, with the whole product behind it, and what they see when parts fail."""

import json

import pytest
from playwright.sync_api import expect

from . import browser
from .browser import OFFLINE, ChatPage, Visits
from .client import alone, answer, connect, files_of, holds, rows, wait_for

chromium, visits = browser.chromium, browser.visits

RECORDED = "レクサスに電話すると録音されますか"
INSURERS = "does Jamil share my phone number with insurers?"


@pytest.fixture
def port(servers):
    return servers.gateway_port


def vote_of(data, text):
    """The newest vote on the answer to a question: whether it helped, the words, the clauses."""
    row = rows(
        data / "madoguchi.db",
        "SELECT f.* FROM feedback f JOIN message m ON m.conversation_id = f.conversation_id AND m.seq = f.seq - 1 "
        "WHERE m.text = ? ORDER BY f.id DESC",
        text,
    )[0]
    return row["helpful"], row["words"], json.loads(row["clauses"])


# Answers.


def test_a_question_in_japanese(visits, port, corpus):
    chat = visits.chat(port, "ja")
    expect(chat("#about")).to_contain_text("Example Operator")
    found = chat.ask(RECORDED)
    assert found.get_attribute("lang") == "ja"
    expect(found).to_contain_text("録音・記録されるとしています")
    expect(found.locator(".who").first).to_contain_text("自動応答")
    assert found.locator("time").get_attribute("datetime")
    source = found.locator("details.source")
    expect(source.locator("summary")).to_contain_text("通話などの録音・記録")
    expect(source.locator("mark")).to_have_text("訳")
    expect(source.locator("blockquote")).to_be_hidden()
    quote = chat.unfold(found)
    assert quote.get_attribute("lang") == "en"
    assert quote.inner_text() == corpus.documents["lexus"].source[2].strip()
    expect(source.locator("figcaption")).to_have_text("通話などの録音・記録 3行目")


def test_a_question_in_english(visits, port, corpus):
    chat = visits.chat(port, "en", site=None)
    found = chat.ask(INSURERS)
    assert found.get_attribute("lang") == "en"
    expect(found.locator(".body")).to_contain_text("Jamil Shoji")
    expect(found.locator(".who").first).to_contain_text("Automated assistant")
    source = found.locator("details.source")
    expect(source.locator("mark")).to_have_text("our translation")
    quote = chat.unfold(found).first
    assert quote.get_attribute("lang") == "ja"
    original = {line.strip() for line in corpus.documents["jamil"].source if line.strip()}
    quoted = [line.strip() for line in quote.inner_text().splitlines() if line.strip()]
    assert len(quoted) > 5
    assert set(quoted) <= original
    expect(source.locator("figcaption").first).to_contain_text("lines 19–41")


def test_answers_and_page_follow_the_language_of_the_question_until_the_button_is_used(visits, port):
    chat = visits.chat(port, "ja")
    first = chat.ask(RECORDED)
    second = chat.ask("Is there a fee for a disclosure request?")
    assert [chat.message(seq).get_attribute("lang") for seq in (1, 2, 3, 4)] == ["ja", "ja", "en", "en"]
    expect(chat("#send")).to_have_text("Send")
    assert chat.lang() == "en"
    assert chat.page.title() == "Privacy questions"
    assert chat("#kept").get_attribute("href") == "/kept?lang=en"
    expect(first.locator(".vote span").first).to_have_text("Was this helpful?")
    assert first.get_attribute("lang") == "ja"
    assert first.locator(".vote span").first.get_attribute("lang") == "en"
    chat("#language").click()
    expect(chat("#send")).to_have_text("送信")
    chat.ask("How long does it take?")
    assert chat.lang() == "ja"
    chat.page.reload()
    expect(second).to_be_visible()
    assert chat.lang() == "ja"


def test_a_company_is_chosen_by_a_button(visits, port):
    chat = visits.chat(port, "ja", site=None)
    asked = chat.ask("開示請求に手数料はかかりますか")
    choices = asked.locator(".offers button")
    assert "ジャミール商事" in choices.all_inner_texts()
    choices.get_by_text("ジャミール商事").click()
    expect(chat.message(4)).to_contain_text("ジャミール商事")
    assert chat.texts("customer") == ["開示請求に手数料はかかりますか", "ジャミール商事"]
    expect(asked.locator(".offers")).to_be_hidden()
    assert chat.seen() == [(1, "customer"), (2, "assistant"), (3, "customer"), (4, "assistant")]


def test_an_example_and_a_next_step_are_taken_by_buttons(visits, port):
    chat = visits.chat(port, "en")
    chat("#examples button").nth(3).click()
    expect(chat.message(2).locator("a[href='tel:08005005577']").first).to_have_text("0800-500-5577")
    expect(chat("#examples")).to_be_hidden()
    offers = chat.ask("Is my data used jointly with other companies?").locator(".offers button")
    expect(offers.first).to_be_visible()
    offers.get_by_text("Talk to a person").click()
    expect(chat.message(6)).to_contain_text("0800-500-5577")
    assert chat.focused() == "text"


def test_markup_is_shown_as_it_is_written(visits, gateway, stub):
    text = '<img src="x" onerror="alert(1)"><b>bold</b>\n・<i>item</i> javascript:alert(1)\nSource: <u>policy</u>'
    stub.on["<s>markup</s>"] = lambda: (200, [answer(text)])
    chat = visits.chat(gateway.port, "en")
    found = chat.ask("<s>markup</s>")
    assert chat.texts("customer") == ["<s>markup</s>"]
    for part in ('<img src="x" onerror="alert(1)"><b>bold</b>', "<i>item</i>", "<u>policy</u>"):
        expect(found).to_contain_text(part)
    expect(chat("#log :is(img, b, i, u, s, a[href^=javascript])")).to_have_count(0)


# Typing.


def keys(chat):
    """Sends input as an input method does."""
    session = chat.page.context.new_cdp_session(chat.page)

    def compose(text):
        session.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})

    def insert(text):
        session.send("Input.insertText", {"text": text})

    def key(kind, code, name="Enter"):
        codes = {"windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
        session.send("Input.dispatchKeyEvent", {"type": kind, "key": name, "code": "Enter", **codes})

    return compose, insert, key


def test_enter_that_ends_a_composition_does_not_send(visits, gateway, stub):
    chat = visits.chat(gateway.port)
    chat.box.focus()
    compose, insert, key = keys(chat)
    # Chromium and Firefox: the key comes during the composition, which ends after it.
    compose("ろくおん")
    key("rawKeyDown", 229, "Process")
    key("rawKeyDown", 229)
    insert("録音")
    key("keyUp", 13)
    expect(chat.box).to_have_value("録音")
    # Safari: the composition ends, then comes its Enter, with 229.
    compose("です")
    insert("です")
    key("rawKeyDown", 229)
    key("keyUp", 229)
    expect(chat.box).to_have_value("録音です")
    # A composition under way, and an Enter with its own code.
    compose("か")
    key("rawKeyDown", 13)
    key("keyUp", 13)
    insert("か")
    expect(chat.box).to_have_value("録音ですか")
    assert chat.seen() == []
    chat.page.keyboard.press("Shift+Enter")
    expect(chat.box).to_have_value("録音ですか\n")
    chat.page.keyboard.type("x")
    chat.page.keyboard.press("Enter")
    expect(chat.message(2)).to_be_visible()
    expect(chat.box).to_have_value("")
    assert chat.texts("customer") == ["録音ですか x"]  # line ends become spaces (madoguchi/text/cleaning)
    assert len([text for text in stub.texts() if text.startswith("録音")]) == 1


def test_nothing_and_two_thousand_characters_and_one_more(visits, gateway, stub):
    chat = visits.chat(gateway.port, "en")
    for blank in ("", "  \n\n ", "\u3000"):
        chat.box.fill(blank)
        chat.box.press("Enter")
        chat("#send").click()
    assert chat.kept()["local"] == {}
    chat.box.fill("あ" * 2001)
    expect(chat("#count")).to_have_text("2001 / 2000")
    expect(chat.box).to_have_attribute("aria-invalid", "true")
    chat.box.press("Enter")
    expect(chat.notice).to_contain_text("2,000")
    assert chat.seen() == []
    assert len(chat.box.input_value()) == 2001
    chat.ask("\U0001f697" * 2000)  # two units of UTF-16 each
    expect(chat.notice).to_be_empty()
    expect(chat("#count")).to_be_empty()
    assert "\U0001f697" * 2000 in stub.texts()


def test_personal_data_is_masked_and_the_customer_told(visits, port, servers):
    chat = visits.chat(port, "ja")
    chat.ask("０９０－１２３４－５６７８に電話してください。kumquat@example.com です")
    mine = chat.message(1)
    expect(mine).to_contain_text("個人情報と思われる部分を伏せました")
    shown = chat.at.inner_text("body")
    kept = json.dumps(chat.kept())
    for secret in ("１２３４", "1234", "kumquat"):
        assert secret not in shown
        assert secret not in kept
    assert not holds([*files_of(servers.data / "madoguchi.db"), servers.log], "kumquat")


# What lasts.


def test_a_reload_keeps_the_conversation_and_announces_only_what_is_new(visits, port):
    chat = visits.chat(port)
    chat.ask(RECORDED)
    expect(chat("#live p")).to_have_count(1)
    chat.box.fill("書きかけ\n二行目")
    before = chat.texts("assistant")
    chat.page.reload()
    chat.loaded()
    expect(chat.message(2)).to_be_visible()
    assert chat.texts("assistant") == before
    expect(chat.box).to_have_value("書きかけ\n二行目")
    expect(chat("#live p")).to_have_count(0)
    chat.ask("それはなぜですか")
    expect(chat("#live p")).to_have_count(1)
    assert chat("#live").get_attribute("aria-live") == "polite"
    assert chat("#log").get_attribute("aria-live") == "off"


def test_what_is_typed_offline_arrives_once_and_in_order(visits, gateway, stub):
    visits.expected.append(OFFLINE)
    chat = visits.chat(gateway.port)
    chat.ask("つながっている")
    chat.page.context.set_offline(True)
    expect(chat.status).to_have_text("接続が切れています。つなぎ直しています")
    for text in ("切れて一", "切れて二", "切れて三"):
        chat.send(text)
    assert [seq for seq, _ in chat.seen()] == [1, 2, 0, 0, 0]
    assert not [text for text in stub.texts() if text.startswith("切れて")]
    chat.page.context.set_offline(False)
    expect(chat.message(8)).to_be_visible()
    expect(chat.status).to_be_empty()
    assert chat.texts("customer") == ["つながっている", "切れて一", "切れて二", "切れて三"]
    assert [text for text in stub.texts() if text.startswith("切れて")] == ["切れて一", "切れて二", "切れて三"]
    assert [seq for seq, _ in chat.seen()] == list(range(1, 9))


def test_what_could_not_be_sent_outlives_a_reload(visits, gateway, stub):
    visits.expected.append("ERR_FAILED")
    chat = visits.chat(gateway.port)
    chat.page.route("**/api/conversations", lambda route: route.abort())
    chat.send("届くまで残る")
    expect(chat.status).to_have_text("送信しています")
    chat.page.unroute_all()
    chat.page.reload()
    expect(chat.message(2)).to_be_visible()
    assert stub.texts().count("届くまで残る") == 1


def test_an_answer_that_is_lost_on_the_way_does_not_double_the_question(visits, gateway, stub):
    visits.expected.append("ERR_FAILED")
    chat = visits.chat(gateway.port)
    chat.ask("はじめに")

    def lose(route):
        route.fetch()
        route.abort()

    chat.page.route("**/api/conversation/messages", lose, times=1)
    chat.send("応答が失われる")
    expect(chat.message(4)).to_be_visible()
    chat.page.wait_for_timeout(1200)  # the page's next try
    assert [seq for seq, _ in chat.seen()] == [1, 2, 3, 4]
    assert stub.texts().count("応答が失われる") == 1


def test_two_tabs_have_the_same_conversation(visits, gateway):
    one = visits.chat(gateway.port)
    one.ask("一")
    two = ChatPage.open(one.page.context, gateway.port)
    expect(two.message(2)).to_be_visible()
    two.ask("二")
    expect(one.message(4)).to_be_visible()
    one.send("三")
    two.send("四")
    for tab in (one, two):
        expect(tab.message(8)).to_be_visible()
    assert one.seen() == two.seen()
    assert one.texts("customer") == two.texts("customer")
    two.box.fill("書きかけ")
    one.page.bring_to_front()
    one.end()
    expect(two.notice).to_contain_text("前の会話は終了しました")
    assert two.seen() == []
    expect(two.box).to_have_value("書きかけ")
    one.ask("新しく")
    expect(two.message(2)).to_be_visible()


def test_the_conversation_outlives_the_gateway(visits, rasa, tmp_path):
    visits.expected += ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"]
    rasa.start()
    with alone(tmp_path, rasa) as gateway:
        chat = ChatPage.with_clock(visits.context(gateway.port), gateway.port, "en")
        chat.ask("before")
        gateway.kill()
        expect(chat.status).to_have_text("Connection lost. Reconnecting")
        chat.send("meanwhile")
        gateway.start()
        chat.page.clock.fast_forward(30_000)  # the page waits so long at most between two tries
        expect(chat.message(4)).to_be_visible()
        expect(chat.status).to_be_empty()
        assert chat.texts("assistant") == ["re: before", "re: meanwhile"]
        assert rasa.texts() == ["before", "meanwhile"]
        visits.close()


def test_a_conversation_that_is_gone_is_said_to_be_over(visits, gateway):
    visits.expected.append("status of 401")
    chat = visits.chat(gateway.port)
    chat.ask("一")
    [token] = chat.kept()["local"].values()
    chat.page.goto("about:blank")
    assert connect(gateway.port).delete("/api/conversation", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    chat.page.go_back()
    chat.loaded()
    expect(chat.notice).to_contain_text("前の会話は終了しました")
    assert chat.seen() == []
    chat.ask("新しく")


def test_where_the_browser_denies_storage_the_chat_still_answers(visits, gateway):
    context = visits.context(gateway.port)
    context.add_init_script(
        "for (const n of ['localStorage', 'sessionStorage']) "
        "Object.defineProperty(window, n, {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    chat = ChatPage.open(context, gateway.port)
    chat.ask("保存できない")
    chat.ask("それでも")


# Votes, transcript, deletion.


def test_a_vote_is_kept_without_the_words_unless_they_are_given(visits, port, servers):
    text = "Are calls recorded, say, on a Tuesday?"
    chat = visits.chat(port, "en")
    found = chat.ask(text)
    assert chat.unfold(found).get_attribute("lang") == "en"
    expect(found.locator("mark")).to_have_count(0)  # the policy is in English: no translation
    vote = found.locator(".vote")
    yes, no, more = (vote.get_by_role("button", name=name, exact=True) for name in ("Yes", "No", "Include my question"))
    expect(more).to_have_count(0)
    yes.click()
    expect(vote).to_contain_text("Thank you.")
    expect(yes).to_have_attribute("aria-pressed", "true")
    helpful, words, clauses = vote_of(servers.data, text)
    assert (helpful, words) == (1, None)
    assert "lexus/call-recording" in clauses
    no.click()
    expect(vote).to_contain_text("Your question is not kept with the vote.")
    expect(yes).to_have_attribute("aria-pressed", "false")
    assert vote_of(servers.data, text)[:2] == (0, None)
    more.click()
    expect(vote).to_contain_text("Your question is kept with the vote.")
    expect(more).to_have_count(0)
    assert vote_of(servers.data, text)[:2] == (0, text)
    chat.page.reload()
    expect(vote.get_by_role("button", name="No", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_transcript_holds_the_conversation(visits, port):
    chat = visits.chat(port, "ja")
    found = chat.ask(RECORDED).locator(".body > p").first.inner_text()
    chat("#menu").click()
    with chat.page.expect_download() as download:
        chat("#save").click()
    assert download.value.suggested_filename.startswith("madoguchi-")
    assert download.value.suggested_filename.endswith(".txt")
    text = download.value.path().read_text(encoding="utf-8")
    assert text.splitlines()[0] == "窓口との会話の記録"
    for part in (RECORDED, found, "お客様", "自動応答", "Example Operator"):
        assert part in text


def test_end_and_delete_leaves_nothing(visits, port, servers):
    marker = "kumquatmarker"
    databases = [servers.data / "madoguchi.db", servers.data / "tracker.db"]
    chat = visits.chat(port, "en")
    chat.ask(f"Are calls recorded? {marker}")
    assert chat.kept()["local"]
    for database in databases:
        wait_for(lambda file=database: holds(files_of(file), marker), what=f"the question in {database.name}")
    chat("#menu").click()
    chat("#end").click()
    expect(chat("#sure")).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat("#sure")).to_be_hidden()
    assert len(chat.seen()) == 2
    chat.end()
    expect(chat.notice).to_contain_text("The conversation is deleted (2 messages")
    assert "0 records" not in chat.notice.inner_text()
    assert chat.seen() == []
    assert chat.kept() == {"local": {}, "session": {}}
    assert marker not in chat.page.content()
    for database in databases:
        assert not holds(files_of(database), marker)
    chat.page.reload()
    chat.loaded()
    assert chat.seen() == []
    chat.ask("Are calls recorded?")
    assert len(chat.seen()) == 2


def test_what_is_asked_while_the_deletion_is_under_way_is_not_thrown_away(visits, gateway):
    chat = visits.chat(gateway.port)
    chat.ask("一")
    held = []

    def hold(route):
        if route.request.method == "DELETE":
            held.append((route, route.fetch()))
        else:
            route.continue_()

    chat.page.route("**/api/conversation", hold)
    chat("#menu").click()
    chat("#end").click()
    chat("#sure [value=end]").click()
    expect(chat(".message")).to_have_count(0)  # the stream has said that the conversation is gone
    chat.ask("新しく")
    [(route, response)] = held
    route.fulfill(response=response)
    expect(chat.notice).to_contain_text("会話を削除しました")
    assert chat.texts("customer") == ["新しく"]
    assert len(chat.kept()["local"]) == 1


# Refusals and faults.


def test_while_rasa_is_away_the_question_is_kept(visits, rasa, tmp_path):
    with alone(tmp_path, rasa) as gateway:
        chat = ChatPage.with_clock(visits.context(gateway.port), gateway.port, "ja")
        expect(chat("#ready")).to_contain_text("自動応答を準備しています")
        expect(chat("#contact")).to_contain_text("0800-500-5577")
        chat.send("早すぎる")
        expect(chat("[data-sender=system]")).to_contain_text("ご質問はお預かりしています")
        chat.page.reload()
        expect(chat("[data-sender=system]")).to_be_visible()
        rasa.start()
        expect(chat("[data-sender=assistant] .body")).to_have_text("re: 早すぎる")
        chat.page.clock.fast_forward(10_000)  # the page asks so often whether the assistant is there
        expect(chat("#ready")).to_be_hidden()
        expect(chat("#contact")).to_be_hidden()
        assert chat.texts("customer") == ["早すぎる"]
        assert rasa.texts() == ["早すぎる"]
        visits.close()


def test_a_question_that_failed_is_asked_again_by_a_button(visits, gateway, stub):
    stub.on["fails in the browser"] = lambda: (500, {"error": "failed"})
    chat = visits.chat(gateway.port, "en")
    failed = chat.ask("fails in the browser")
    assert failed.get_attribute("data-sender") == "system"
    del stub.on["fails in the browser"]
    failed.get_by_role("button", name="Ask again").click()
    expect(chat.message(4)).to_contain_text("re: fails in the browser")


def test_the_watch_sees_what_it_is_there_for(chromium, gateway):
    watched = Visits(chromium)
    chat = watched.chat(gateway.port)
    assert watched.problems == []
    chat.page.evaluate("() => fetch('http://127.0.0.1:9/').catch(() => {})")
    chat.page.evaluate("() => { document.body.setAttribute('style', 'color: red'); setTimeout(() => { throw new Error('oops') }) }")
    chat.page.goto(f"http://localhost:{gateway.port}/kept")
    kinds = [problem.split(":")[0] for problem in watched.problems]
    assert {"console", "error", "request"} <= set(kinds), watched.problems
    with pytest.raises(AssertionError, match="oops"):
        watched.close()
