"""What the tests in a real browser share. A module takes the fixtures by `chromium, visits = browser.chromium, browser.visits`."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Locator, Page, Request, expect, sync_playwright

from madoguchi.settings import ROOT

from ..conftest import free_port
from .client import new_address

ARTEFACTS = ROOT / "test-artifacts"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1100, "height": 760}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # nothing leaves the machine
]
OFFLINE = "ERR_INTERNET_DISCONNECTED"
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module: playwright's loop may not be running while other modules use asyncio."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("neither chromium nor google-chrome is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visits:
    """Makes browser contexts and watches them: what a page complains about, and whom it calls.

    Attributes:
        expected: parts of the complaints "Failed to load resource: …" that the test brings about.
        problems: the other complaints, and requests to anybody but the gateway and the host pages.
    """

    browser: Browser
    expected: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def context(self, *origins: str | int, **options: Any) -> BrowserContext:
        """A browser of its own that may call these origins; a number is the gateway's port."""
        allowed = {f"http://127.0.0.1:{origin}" if isinstance(origin, int) else origin for origin in origins}
        headers = {"X-Forwarded-For": new_address()}
        context = self.browser.new_context(**{"viewport": DESKTOP, "extra_http_headers": headers, **options})
        context.set_default_timeout(15_000)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.problems.append(f"error: {error.error}"))
        context.on("request", lambda request: self._follow(request, allowed))
        self._contexts.append(context)
        return context

    def chat(self, port: int, lang: str = "ja", site: str | None = "lexus", **options: Any) -> ChatPage:
        """The chat page in a browser of its own."""
        return ChatPage.open(self.context(port, **options), port, lang, site)

    def close(self) -> None:
        """Close the browsers; fails where there were problems. A test that ends a gateway by itself calls it before."""
        while self._contexts:
            self._contexts.pop().close()
        assert not self.problems, self.problems

    def _hear(self, message: ConsoleMessage) -> None:
        is_expected = message.text.startswith("Failed to load resource") and any(part in message.text for part in self.expected)
        if message.type in ("error", "warning") and not is_expected:
            self.problems.append(f"console: {message.text}")

    def _follow(self, request: Request, allowed: set[str]) -> None:
        if not request.url.startswith((*(f"{origin}/" for origin in allowed), "blob:", "data:")):
            self.problems.append(f"request: {request.url}")


@pytest.fixture
def visits(chromium: Browser) -> Iterator[Visits]:
    """Browser contexts; the test fails where one of its pages complains or calls anybody else."""
    made = Visits(chromium)
    try:
        yield made
    finally:
        made.close()


@dataclass
class ChatPage:
    """The chat as a customer has it before them: a page, or a frame of one."""

    page: Page
    at: Page | Frame

    @classmethod
    def open(cls, context: BrowserContext, port: int, lang: str = "ja", site: str | None = "lexus") -> ChatPage:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/chat?{urlencode({'lang': lang, **({'site': site} if site else {})})}")
        return cls(page, page).loaded()

    @classmethod
    def with_clock(cls, context: BrowserContext, port: int, lang: str = "ja") -> ChatPage:
        """One whose time the test moves on: `page.clock.fast_forward`."""
        context.clock.install()
        return cls.open(context, port, lang)

    @classmethod
    def embedded(cls, page: Page) -> ChatPage:
        """The one that the launcher of a host page has opened."""
        frame = page.locator("iframe").element_handle().content_frame()
        assert frame is not None
        return cls(page, frame).loaded()

    def loaded(self) -> ChatPage:
        expect(self("html[data-ready]")).to_be_attached()
        return self

    def __call__(self, selector: str) -> Locator:
        return self.at.locator(selector)

    @property
    def box(self) -> Locator:
        return self("#text")

    @property
    def notice(self) -> Locator:
        return self("#notice")

    @property
    def status(self) -> Locator:
        return self("#status")

    def message(self, seq: int) -> Locator:
        return self(f"[data-seq='{seq}']")

    def seen(self) -> list[tuple[int, str]]:
        """Number and sender of each message on the page, from top to bottom; number 0 is on its way."""
        script = "() => [...document.querySelectorAll('.message')].map((n) => [Number(n.dataset.seq ?? 0), n.dataset.sender])"
        return [tuple(each) for each in self.at.evaluate(script)]

    def texts(self, sender: str) -> list[str]:
        return self(f"[data-sender={sender}] .body").all_inner_texts()

    def send(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def ask(self, text: str) -> Locator:
        """Send a question and wait for its answer."""
        last = max((seq for seq, _ in self.seen()), default=0)
        self.send(text)
        expect(self.message(last + 2)).to_be_visible()
        return self.message(last + 2)

    def unfold(self, answer: Locator) -> Locator:
        """Unfold the first source of an answer; returns the original wordings."""
        answer.locator("summary").first.click()
        originals = answer.locator("details.source").first.locator("blockquote")
        expect(originals.first).to_be_visible()
        return originals

    def end(self) -> None:
        """Use "End and delete", and say yes."""
        if not self("#end").is_visible():
            self("#menu").click()
        self("#end").click()
        self("#sure [value=end]").click()
        expect(self("#sure")).to_be_hidden()
        expect(self.notice).to_contain_text(re.compile("会話を削除しました|The conversation is deleted"))
        expect(self(".message")).to_have_count(0)

    def kept(self) -> dict[str, dict[str, str]]:
        """What the browser keeps for this page."""
        return self.at.evaluate("() => ({local: {...localStorage}, session: {...sessionStorage}})")

    def lang(self) -> str:
        return self.at.evaluate("() => document.documentElement.lang")

    def focused(self) -> str:
        """The id of the element that has the focus, else what it is and says."""
        script = "(e) => e.id || `${e.tagName} ${e.textContent.trim()}`"
        return self.at.evaluate(f"() => ({script})(document.activeElement)")

    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return self.at.evaluate(
            "() => [document.documentElement, ...document.querySelectorAll('#log, #foot, header')]"
            ".every((n) => n.scrollWidth <= Math.min(n.clientWidth, innerWidth))"
        )


def snap(page: Page, name: str, shown: Locator | None = None) -> None:
    """Keep pictures of a page, on a phone and on a desktop, with one of its elements in sight."""
    ARTEFACTS.mkdir(exist_ok=True)
    before = page.viewport_size
    for kind, size in (("phone", PHONE), ("desktop", DESKTOP)):
        page.set_viewport_size(size)
        if shown is not None:
            shown.evaluate("(n) => n.scrollIntoView({block: 'center'})")
        page.screenshot(path=ARTEFACTS / f"{name}-{kind}.png")
    if before:
        page.set_viewport_size(before)


@dataclass
class Host:
    """A company's web page with the widget on it, and a content policy that lets in the gateway alone."""

    gateway_port: int
    site: str = "lexus"
    port: int = field(default_factory=free_port)
    _server: ThreadingHTTPServer | None = None

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def page(self, path: str) -> bytes:
        script = f'<script src="http://127.0.0.1:{self.gateway_port}/embed.js" data-site="{self.site}" data-lang="ja" async></script>'
        return f'<!doctype html><html lang="en"><title>Host</title><h1>{path}</h1><p><a href="/two">Two</a></p>{script}'.encode()

    def start(self) -> Host:
        host = self
        gateway = f"http://127.0.0.1:{self.gateway_port}"
        policy = f"default-src 'none'; script-src {gateway}; frame-src {gateway}"

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_GET(self) -> None:
                body = host.page(self.path)
                with contextlib.suppress(OSError):
                    self.send_response(200)
                    for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
