"""What browsers load: how much of it, and that the served files are the sources, made smaller."""

import gzip
import json
import re

import pytest
from playwright.sync_api import expect

from madoguchi.gateway import assets
from madoguchi.settings import ROOT

from . import browser
from .browser import OFFLINE
from .client import answer, connect

chromium, visits = browser.chromium, browser.visits

STATIC = ROOT / "madoguchi/gateway/static"
FILES = sorted(path.name for path in STATIC.iterdir())
BUDGET = 10 * 1024
"""Bytes that come compressed, for the first paint, the first question and its answer."""


def raw(port, path, **headers):
    """A response and its bytes as they came."""
    with connect(port).stream("GET", path, headers={"Accept-Encoding": "gzip", **headers}) as response:
        return response, b"".join(response.iter_raw())


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_what_the_first_question_needs_is_small(gateway, lang):
    sizes = {}
    for path in ("/embed.js", f"/chat?site=lexus&lang={lang}&embedded=1", "/static/chat.js", "/static/chat.css"):
        response, body = raw(gateway.port, path)
        assert response.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in response.headers["vary"]
        sizes[path] = len(body)
    assert sum(sizes.values()) <= BUDGET, sizes


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_first_question_loads_nothing_else(visits, gateway, stub, lang):
    question = "small" if lang == "en" else "小さな質問"
    stub.on[question] = lambda: (200, [answer("small answer", kind="answer", company="lexus", topic="contact", language=lang)])
    context = visits.context(gateway.port)
    paths = set()
    context.on("request", lambda request: paths.add(request.url.split("?")[0].split("/", 3)[3]))
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{gateway.port}/chat?site=lexus&lang={lang}")
    chat = browser.ChatPage(page, page).loaded()
    expect(chat.ask(question).locator(".vote")).to_be_visible()
    assert paths <= {"chat", "static/chat.js", "static/chat.css", "static/icon.svg", *(p for p in paths if p.startswith("api/"))}, paths


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_served_smaller_and_whole(gateway, name):
    response, body = raw(gateway.port, f"/static/{name}")
    assert response.status_code == 200
    served = gzip.decompress(body) if "content-encoding" in response.headers else body
    source = (STATIC / name).read_bytes()
    assert len(served) <= len(source)
    if name.endswith(".json"):
        assert json.loads(served) == json.loads(source)
    if name.endswith((".js", ".css")):
        assert b"/*" not in served
    plain, whole = raw(gateway.port, f"/static/{name}", **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert whole == served
    again, nothing = raw(gateway.port, f"/static/{name}", **{"If-None-Match": response.headers["etag"]})
    assert (again.status_code, nothing) == (304, b"")


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_a_served_script_is_the_source_to_a_browser(visits, gateway, name):
    """Chromium can parse both, and their strings are the same."""
    page = visits.context(gateway.port).new_page()
    page.goto(f"http://127.0.0.1:{gateway.port}/kept")
    served = assets.minified(name, (STATIC / name).read_text(encoding="utf-8"))
    # A module's text becomes that of an async function, for which import.meta, exports and fragments of a template do not matter.
    parsed = "(text) => { new (async () => {}).constructor(text.replaceAll('import.meta', 'meta').replace(/export *({[^}]*};?)?/g, '')); }"
    session = page.context.new_cdp_session(page)
    for text in (served, (STATIC / name).read_text(encoding="utf-8")):
        done = session.send("Runtime.evaluate", {"expression": f"({parsed})({json.dumps(text)})"})
        assert "exceptionDetails" not in done, done
    strings = re.compile(r'"(?:[^"\\\n]|\\.)*"')
    source = re.sub(r"(?m)^\s*(?://|/?\*).*$|(?<=[;{},]) // .*$", "", (STATIC / name).read_text(encoding="utf-8"))
    assert name == "embed.js" or strings.findall(served)[:20] == strings.findall(source)[:20]  # its style sheet has some, too


def test_both_languages_say_the_same_things():
    ja, en = (json.loads((STATIC / f"words.{lang}.json").read_text(encoding="utf-8")) for lang in ("ja", "en"))
    for part in ("page", "now", "later"):
        assert ja[part].keys() == en[part].keys()
        for name, text in ja[part].items():
            assert set(re.findall(r"{.*?}", text)) == set(re.findall(r"{.*?}", en[part][name])), name
    names = [name for part in ja.values() for name in part]
    assert len(names) == len(set(names))
    scripts = "".join((STATIC / f"{name}.js").read_text(encoding="utf-8") for name in ("chat", "more", "live"))
    template = (ROOT / "madoguchi/gateway/templates/chat.html").read_text(encoding="utf-8")
    said = {"customer", "assistant", "person", "system", "starting", "failing"}  # by the server's names
    for name in ja["now"].keys() | ja["later"].keys():
        assert name in said or f'"{name}"' in scripts, name
    for name in ja["page"].keys() - {"about"}:
        assert f"words.{name} " in template, name


def test_a_language_switch_brings_the_other_words(visits, gateway, stub):
    context = visits.context(gateway.port)
    words = []
    context.on("request", lambda request: words.append(request.url.split("/")[-1].split("?")[0]) if "/words." in request.url else None)
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{gateway.port}/chat?site=lexus&lang=ja")
    chat = browser.ChatPage(page, page).loaded()
    assert words == []
    assert "Type your question" not in page.content()
    found = chat.ask("言語を切り替える")
    for lang, send, who, name in (("en", "Send", "Automated assistant", "LEXUS"), ("ja", "送信", "自動応答", "レクサス")) * 2:
        chat("#language").click()
        expect(chat("#send")).to_have_text(send)
        expect(found.locator(".who span").first).to_have_text(who)
        expect(chat("#place")).to_have_text(name)
        expect(chat.box).to_have_accessible_name("Type your question" if lang == "en" else "ご質問を入力")
        assert chat.lang() == lang
        assert f"lang={lang}" in page.url
    assert sorted(words) == ["words.en.json", "words.ja.json"]  # each once


def test_a_language_switch_without_a_connection_is_explained_and_works_later(visits, gateway):
    visits.expected.append(OFFLINE)
    chat = visits.chat(gateway.port, "ja")
    chat.page.context.set_offline(True)
    chat("#language").click()
    expect(chat.notice).to_have_text("処理できませんでした。もう一度お試しください。")
    assert chat.lang() == "ja"
    chat.page.context.set_offline(False)
    chat("#language").click()
    expect(chat("#send")).to_have_text("Send")


def test_a_menu_without_a_connection_is_explained_and_works_later(visits, gateway):
    visits.expected.append(OFFLINE)
    chat = visits.chat(gateway.port, "en")
    chat.page.context.set_offline(True)
    chat("#menu").click()
    expect(chat.notice).to_have_text("That did not work. Please try again.")
    chat.page.context.set_offline(False)
    for is_open in (True, False, True):
        chat("#menu").click()
        expect(chat("#end")).to_be_visible(visible=is_open)
        expect(chat("#menu")).to_have_attribute("aria-expanded", str(is_open).lower())
    chat("#log").click()
    expect(chat("#end")).to_be_hidden()


def test_a_menu_opens_when_its_code_is_there_already(visits, gateway):
    chat = visits.chat(gateway.port, "en")
    chat("#language").click()
    expect(chat("#send")).to_have_text("送信")
    chat("#menu").click()
    expect(chat("#end")).to_have_text("終了して削除")
    chat.page.keyboard.press("Escape")
    expect(chat("#end")).to_be_hidden()


def test_minifying_keeps_what_scripts_mean():
    script = """
const STYLE = `
  a { color: red }   /* gone */
`;
// gone
const kept = `two  ${spaces}`; /* gone */
const regex = /a \\/\\/ b/g;
"""
    made = assets.minified("x.js", script)
    assert made == "const STYLE=`a{color:red}`;const kept=`two  ${spaces}`;const regex=/a \\/\\/ b/g;"
