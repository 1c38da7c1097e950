"""Actions: one safe base for all, and no failure that a customer sees as silence or a log as their words."""

import asyncio
import importlib
import inspect
import logging
import pkgutil
from dataclasses import replace

import pytest
import yaml
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

import actions
from actions.base import SafeAction, SafeEvents, slots_of, state_of
from madoguchi.answers import Draft, State
from madoguchi.settings import ROOT
from madoguchi.understanding.inquiry import Inquiry, Question

for found in pkgutil.iter_modules(actions.__path__):
    importlib.import_module(f"actions.{found.name}")


def tracker(text="secret@example.com", **slots):
    latest = {"text": text, "metadata": slots.pop("metadata", {}), "intent": {"name": "ask_policy"}}
    return Tracker("me", slots, latest, [], False, None, {}, "action_listen")


def run(action, latest):
    dispatcher = CollectingDispatcher()
    events = asyncio.run(action.run(dispatcher, latest, {}))
    return dispatcher.messages[0], events


def kinds(base=(SafeAction, SafeEvents)):
    """The actions: what is no base itself."""
    for kind in (below for each in base for below in each.__subclasses__() if below.__module__.startswith("actions.")):
        yield from kinds((kind,)) if inspect.isabstract(kind) else (kind,)


def test_every_action_of_the_domain_is_safe():
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    assert {kind().name() for kind in kinds()} == set(domain["actions"])


def test_every_intent_has_a_rule_and_examples_or_is_ours():
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    rules = yaml.safe_load((ROOT / "data" / "rules.yml").read_text(encoding="utf-8"))["rules"]
    assert {step["intent"] for rule in rules for step in rule["steps"][:1] if "intent" in step} == set(domain["intents"])
    for language in ("ja", "en"):
        files = (ROOT / "data" / "nlu" / language).glob("*.yml")
        named = {block["intent"] for path in files for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]}
        # The last is meant by its button alone.
        assert set(domain["intents"]) - named == {"nlu_fallback", "open_request"}
        assert named <= set(domain["intents"])


@pytest.mark.parametrize(("text", "language"), [("secret@example.com を消して", "ja"), ("my address is secret@example.com", "en")])
def test_a_failing_action_apologises_and_tells_no_log(text, language, caplog):
    class Failing(SafeAction):
        def name(self):
            return "action_failing"

        def respond(self, inquiry, state, now):
            raise ValueError(f"could not handle {text}")

    with caplog.at_level(logging.DEBUG):
        message, events = run(Failing(), tracker(text))
    answer = message["custom"]["answer"]
    assert (answer["kind"], answer["language"]) == ("error", language)
    assert events == []
    assert "secret" not in caplog.text
    assert "error id" in caplog.text


def test_a_failing_form_tells_no_log(caplog):
    class Failing(SafeEvents):
        def name(self):
            return "validate_failing"

        def events(self, tracker):
            raise ValueError(f"could not handle {tracker.latest_message['text']}")

    assert asyncio.run(Failing().run(CollectingDispatcher(), tracker(), {})) == []
    assert "secret" not in caplog.text and "error id" in caplog.text


@pytest.mark.parametrize("broken", [{"questions": "none"}, {"unsure": "x"}, {"entries": 5}, {"questions": [{"text": 1}]}])
def test_a_broken_slot_is_an_apology(broken):
    message, _ = run(next(k for k in SafeAction.__subclasses__() if k.__name__ == "Answer")(), tracker("hello", **broken))
    assert message["custom"]["answer"]["kind"] == "error"


def test_masking_is_told():
    kind = next(k for k in SafeAction.__subclasses__() if k.__name__ == "Smalltalk")
    latest = tracker("こんにちは", metadata={"masked": ["phone"]})
    latest.latest_message["inquiry"] = {
        "wants": "greet",
        "confidence": 1.0,
        "language": "ja",
        "companies": [],
        "weak": [],
        "other": False,
        "alone": False,
        "questions": [],
        "entry": None,
    }
    message, _ = run(kind(), latest)
    assert "伏せ" in message["text"]


def test_state_goes_through_slots():
    state = State(
        language="ja", sender="me", company="jamil", questions=(Question("料金は", {"jamil": (("jamil#fee", 0.5),)}, 0.9),),
        pending="ask_policy", entries=("jamil#fee",), choices=("jamil/law",), unsure=1,
        draft=Draft("jamil", "disclosure", "self", heard="x", unread=2, changing=True),
    )  # fmt: skip
    slots = {event["name"]: event["value"] for event in slots_of(State(), state)}
    assert replace(state_of(tracker("", **slots)), site=None) == state
    assert slots_of(state, state) == []


def test_after_a_long_silence_the_draft_is_discarded_and_the_language_stays():
    from actions.session import SessionStart

    before = Tracker("me", {"language": "en"}, {"text": "hello"}, [], False, None, {"name": "request_form"}, "action_listen")
    names = {event["name"]: event["value"] for event in SessionStart().events(before) if event["event"] == "slot"}
    assert names == {"language": "en", "request_decision": "discarded"}


def test_the_next_reply_tells_that_the_draft_was_discarded_once():
    from madoguchi.answers.form import say

    kind = next(k for k in SafeAction.__subclasses__() if k.__name__ == "Smalltalk")
    latest = tracker("thanks", language="en", request_decision="discarded")
    latest.latest_message["inquiry"] = Inquiry("thank", 1.0, "en").to_dict()
    message, events = run(kind(), latest)
    assert say("discarded", "en") in message["text"]
    assert {"event": "slot", "timestamp": None, "name": "request_decision", "value": None} in events
