"""What Rasa asks of its components, of ours; and the adjustments to Rasa."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pytest
import rasa
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import InMemoryLockStore
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, LoopInterrupted, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from rasa.utils.endpoints import EndpointConfig
from sqlalchemy.engine import make_url

from madoguchi.nlu import adjustments
from madoguchi.nlu.classifier import InquiryClassifier
from madoguchi.nlu.featurizer import SentenceEncoderFeaturizer
from madoguchi.nlu.tokenizer import JapaneseEnglishTokenizer
from madoguchi.settings import ROOT
from madoguchi.text import take_in

MESSAGES = [
    "レクサスの電話番号は?",
    "does Jamil share my data?",
    "",
    " ",
    "😀",
    "？？",
    "ﾌﾟﾗｲﾊﾞｼｰ",
    "㈱",
    "e\u0301",
    "a\nb",
    "👨‍👩‍👧",
    "a\0b",
    "削\ud83d除",
    "x" * 3000,
]
NODE = ExecutionContext(GraphSchema({}))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    storage = LocalModelStorage(tmp_path_factory.mktemp("tokenizer"))
    return JapaneseEnglishTokenizer.create(JapaneseEnglishTokenizer.get_default_config(), storage, Resource("tokenizer"), NODE)


@pytest.fixture(scope="module")
def featurizer(tmp_path_factory):
    storage = LocalModelStorage(tmp_path_factory.mktemp("featurizer"))
    return SentenceEncoderFeaturizer.create(SentenceEncoderFeaturizer.get_default_config(), storage, Resource("featurizer"), NODE)


@pytest.mark.parametrize("text", MESSAGES)
def test_tokenizer_gives_tokens_that_are_slices(tokenizer, text):
    tokens = tokenizer.tokenize(Message({TEXT: text}), TEXT)
    assert tokens
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert [t.text for t in tokenizer.tokenize(Message({TEXT: text}), TEXT)] == [t.text for t in tokens]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_offsets_on_random_strings(text):
    from madoguchi.understanding.words import words_of

    words = words_of(text)
    assert all(text[word.start : word.end] == word.text for word in words)
    assert all(one.end <= other.start for one, other in zip(words, words[1:]))
    if not any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
        left = "".join(text[a:b] for a, b in zip([0, *(w.end for w in words)], [*(w.start for w in words), len(text)]))
        assert not left.strip()


@pytest.mark.parametrize("text", MESSAGES)
def test_featurizer_gives_one_row_of_unit_length(featurizer, text):
    [message] = featurizer.process([Message({TEXT: take_in(text[:2000]).text})])
    _, sentence = message.get_dense_features(TEXT, [])
    assert sentence.features.shape == (1, 512)
    assert np.isclose(np.linalg.norm(sentence.features), 1.0, atol=1e-3)


def test_no_two_phrasings_are_nearly_the_same():
    from madoguchi.corpus import shared_corpus
    from madoguchi.understanding.duplicates import pairs
    from madoguchi.understanding.encoder import encoder_named

    assert list(pairs(shared_corpus(), encoder_named("use"))) == []


def test_company_names_do_not_matter_to_the_embedding(featurizer):
    rows = [
        featurizer.process([Message({TEXT: text})])[0].get_dense_features(TEXT, [])[1].features
        for text in ("レクサスの手数料は", "ジャミールの手数料は")
    ]
    np.testing.assert_array_equal(*rows)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, monkeypatch_module):
    """A classifier without embeddings, trained on little: the sparse-only configuration, saved and loaded."""
    storage = LocalModelStorage(tmp_path_factory.mktemp("classifier"))
    made = InquiryClassifier.create({"encoder": "none"}, storage, Resource("classifier"), NODE)
    examples = [("hello there", "greet"), ("こんにちは", "greet"), ("what is the weather", "out_of_scope"), ("天気は", "out_of_scope")]
    resource = made.train(TrainingData([Message({TEXT: text, INTENT: intent}) for text, intent in examples]))
    return InquiryClassifier.load({"encoder": "none"}, storage, resource, NODE)


@pytest.fixture(scope="module")
def monkeypatch_module():
    """The model's training on a tenth of the phrasings, since the contract and not the accuracy is tested here."""
    from madoguchi.understanding import understand

    all_phrasings = understand.phrasings
    understand.phrasings = lambda corpus, namer: list(all_phrasings(corpus, namer))[::5]
    yield
    understand.phrasings = all_phrasings


@pytest.mark.parametrize("text", MESSAGES)
def test_classifier_bears_every_message(classifier, text):
    [message] = classifier.process([Message({TEXT: take_in(text[:2000]).text})])
    found = message.as_dict(only_output_properties=True)
    assert found["intent"]["name"]
    assert 0.0 <= found["intent"]["confidence"] <= 1.0
    json.dumps(found["inquiry"])


def test_classifier_without_embeddings_understands(classifier):
    [message] = classifier.process([Message({TEXT: "ジャミールの開示の手数料はいくらですか"})])
    inquiry = message.get("inquiry")
    assert list(inquiry["companies"]) == ["jamil"]
    assert "jamil#fee" in [entry for entry, _ in inquiry["questions"][0]["ranking"]["jamil"]]


def test_a_changed_corpus_changes_the_fingerprints(monkeypatch):
    for component, config in ((InquiryClassifier, {}), (SentenceEncoderFeaturizer, {"encoder": "use"})):
        before = component.fingerprint_addon(config)
        module = __import__(component.__module__, fromlist=["corpus_hash"])
        monkeypatch.setattr(module, "corpus_hash", lambda: "changed")
        assert component.fingerprint_addon(config) != before


class TestAdjustments:
    def test_written_for_the_rasa_that_is_installed(self):
        assert rasa.__version__ == adjustments.RASA_VERSION

    def test_text_is_guarded(self):
        message = UserMessage("/restart 090-1234-5678", sender_id="x")
        adjustments.guard(message)
        assert message.text == "restart [phone]"
        assert message.metadata["masked"] == ["phone"]

    def test_a_long_text_is_cut_and_not_refused(self):
        message = UserMessage("あ" * 100_000)
        adjustments.guard(message)
        assert len(message.text) <= 2000

    def test_the_action_validator_accepts_and_refuses(self):
        action = RemoteAction("action_answer", EndpointConfig("http://127.0.0.1:1"))
        assert action._validate_action_result({"events": [], "responses": [{"text": "a"}]})
        with pytest.raises(ValidationError):
            action._validate_action_result({"events": "none"})

    def test_calls_carry_the_key(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
        adjustments._key.cache_clear()
        endpoint = EndpointConfig("http://127.0.0.1:1")
        RemoteAction("action_answer", endpoint)
        adjustments._key.cache_clear()
        assert endpoint.headers[adjustments.KEY_HEADER] == (tmp_path / "action.key").read_text()

    def test_no_rule_names_a_text(self):
        # If one did, rules would have to be searched by text again.
        assert "user:" not in (ROOT / "data" / "rules.yml").read_text(encoding="utf-8")

    def test_calls_share_a_connection_until_it_is_closed(self, monkeypatch, tmp_path):
        monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
        peers = []

        async def answer(request):
            peers.append(request.transport.get_extra_info("peername"))
            return web.json_response({"events": [], "responses": []})

        async def call_twice():
            app = web.Application()
            app.router.add_post("/webhook", answer)
            async with TestServer(app) as server:
                for _ in range(2):
                    action = RemoteAction("action_more", EndpointConfig(str(server.make_url("/webhook"))))
                    await action.action_endpoint.request(json={}, method="post")
                session = action.action_endpoint.session().enter_result
                assert not session.closed
                await adjustments.close()
                assert session.closed
                await adjustments.close()  # nothing is open any more

        asyncio.run(call_twice())
        asyncio.run(call_twice())
        assert len(peers) == 4
        assert peers[0] == peers[1] != peers[2] == peers[3]

    def test_a_copied_conversation_is_the_one_that_its_events_make(self):
        slots = Domain.load("domain.yml").slots
        tracker = DialogueStateTracker("me", slots)
        events = [
            ActionExecuted("action_listen"),
            UserUttered("a", {"name": "request"}),
            ActionExecuted("request_form"),
            ActiveLoop("request_form"),
            SlotSet("company", "jamil"),
            SlotSet("requested_slot", "request_type"),
            BotUttered("b"),
            ActionExecuted("action_listen"),
        ]
        for event in events:
            tracker.update(event)
        copied, replayed = tracker.copy(), tracker.travel_back_in_time(float("inf"))
        assert copied.current_state(EventVerbosity.ALL) == replayed.current_state(EventVerbosity.ALL)
        assert copied.latest_bot_utterance == replayed.latest_bot_utterance
        before = tracker.current_state(EventVerbosity.ALL)
        later = [
            SlotSet("company", "lexus"),
            LoopInterrupted(True),
            ActiveLoop(None),
            UserUttered("c"),
            BotUttered("d"),
            ActionExecuted("action_answer"),
        ]
        for event in [*later, ActionExecuted("action_answer")]:
            copied.update(event)
        assert tracker.current_state(EventVerbosity.ALL) == before

    @pytest.mark.parametrize("options", [{"enable_selective_domain": True}, {}])
    def test_an_action_is_told_the_events_since_the_message(self, monkeypatch, tmp_path, options):
        monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
        domain = Domain.load("domain.yml")
        tracker = DialogueStateTracker("me", domain.slots)
        for text in ("first", "second"):
            tracker.update(UserUttered(text, parse_data={"text": text, "inquiry": {}}))
            tracker.update(ActionExecuted("action_answer"))
            tracker.update(BotUttered(f"to {text}"))
        call = RemoteAction("action_more", EndpointConfig("http://127.0.0.1:1/", **options))._action_call_format(tracker, domain)
        assert [(event["event"], event.get("text")) for event in call["tracker"]["events"]] == [("action", None), ("bot", "to second")]
        assert call["tracker"]["latest_message"]["text"] == "second"
        assert call["tracker"]["slots"] == tracker.current_slot_values()
        assert (call["next_action"], call["sender_id"], call["version"]) == ("action_more", "me", rasa.__version__)
        assert ("domain" in call) is not bool(options)

    def test_a_graph_gives_what_the_scheduler_gives_and_runs_each_component_once(self):
        import dask

        runs = []

        def component(name):
            return lambda *inputs: runs.append(name) or (name, inputs)

        graph = {
            "c": (component("c"), "a", "b"),
            "b": (component("b"), "a"),
            "a": (component("a"), "in"),
            "in": ("in", "x"),
        }
        assert adjustments._in_order(graph, ["c", "b"]) == list(dask.get(graph, ["c", "b"]))
        assert runs[:3] == ["a", "b", "c"] and sorted(runs) == ["a", "a", "b", "b", "c", "c"]


class TestTrackerStore:
    @pytest.fixture(params=["sqlite", "postgresql"])
    def store(self, request, tmp_path, monkeypatch):
        from madoguchi.channel.tracker_store import RecentEventsTrackerStore

        monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
        domain = Domain.load("domain.yml")
        if request.param == "sqlite":
            yield RecentEventsTrackerStore(domain)
            return
        url = make_url(request.getfixturevalue("postgres"))
        store = RecentEventsTrackerStore(domain, dialect="postgresql", host=url.host, port=url.port, db=url.database, username=url.username)
        yield store
        store.SQLEvent.__table__.drop(store.engine)
        store.engine.dispose()

    @staticmethod
    def turns(store, sender, count, start=0):
        async def add():
            for number in range(start, start + count):
                tracker = await store.get_or_create_tracker(sender)
                tracker.update(UserUttered(f"question {number}"))
                tracker.update(ActionExecuted("action_answer"))
                if number == 0:
                    tracker.update(SlotSet("company", "jamil"))
                tracker.update(SlotSet("unsure", float(number)))
                tracker.update(BotUttered(f"answer {number}"))
                tracker.update(ActionExecuted("action_listen"))
                await store.save(tracker)

        asyncio.run(add())

    def test_reads_a_window_and_keeps_the_slots(self, store):
        self.turns(store, "me", 30)
        tracker = asyncio.run(store.retrieve("me"))
        assert [event.type_name for event in tracker.events] == ["slot", "slot", "action", "user", "action", "slot", "bot", "action"]
        assert tracker.get_slot("company") == "jamil"
        assert tracker.get_slot("unsure") == 29.0
        assert tracker.latest_message.text == "question 29"

    def test_saves_every_event_once(self, store):
        self.turns(store, "me", 30)
        tracker = asyncio.run(store.retrieve_full_tracker("me"))
        asked = [event.text for event in tracker.events if event.type_name == "user"]
        assert asked == [f"question {number}" for number in range(30)]

    def test_a_conversation_that_has_just_begun_is_read_whole(self, store):
        async def begin():
            tracker = await store.get_or_create_tracker("me", append_action_listen=False)
            for event in (UserUttered("a"), SlotSet("company", "jamil"), ActionExecuted("action_listen")):
                tracker.update(event)
            await store.save(tracker)
            return await store.retrieve("me")

        assert [event.type_name for event in asyncio.run(begin()).events] == ["user", "slot", "action"]

    def test_a_new_session_keeps_what_it_carries_over_alone(self, store):
        self.turns(store, "me", 30)

        async def start():
            tracker = await store.retrieve("me")
            for event in (SessionStarted(), SlotSet("company", "infiniti")):
                tracker.update(event)
            await store.save(tracker)

        asyncio.run(start())
        for turns in (1, 20):
            self.turns(store, "me", turns, start=1)
            tracker = asyncio.run(store.retrieve("me"))
            assert tracker.get_slot("company") == "infiniti"
            assert store.value("me", "company") == "infiniti"
        assert all(event.type_name != "session_started" for event in list(tracker.events)[1:])

    def test_a_form_goes_on_and_ends_however_long_ago_that_was(self, store):
        def loop_of(events):
            async def add():
                tracker = await store.get_or_create_tracker("me")
                for event in events:
                    tracker.update(event)
                await store.save(tracker)

            asyncio.run(add())
            self.turns(store, "me", 5, start=1)
            return asyncio.run(store.retrieve("me")).active_loop_name

        assert loop_of([ActiveLoop("request_form")]) == "request_form"
        assert loop_of([ActiveLoop(None)]) is None

    def test_tells_a_slot_without_the_rest(self, store):
        assert store.value("me", "company") is None
        self.turns(store, "me", 3)
        assert (store.value("me", "company"), store.value("me", "unsure"), store.value("you", "unsure")) == ("jamil", 2.0, None)

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    def test_a_long_conversation_is_read_by_its_index(self, store):
        statement = str(store._kept(("company", "unsure"), ("request_form",)).statement.compile(store.engine))
        with store.engine.connect() as connection:
            plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?"))]
        searched = [step for step in plan if "events" in step]
        assert len(searched) == 6  # two slots, a form, the end of one, the start of a session, and what they lead to
        assert all("ix_events_by_name" in step or "PRIMARY KEY" in step for step in searched), plan
        assert all("action_name=?" in step for step in searched if "ix_events_by_name" in step), plan

    def test_what_was_read_whole_is_not_written_again(self, store):
        self.turns(store, "me", 2)

        async def again():
            tracker = await store.retrieve_full_tracker("me")
            await store.save(tracker)
            return len(tracker.events), len((await store.retrieve_full_tracker("me")).events)

        before, after = asyncio.run(again())
        assert before == after

    @pytest.mark.parametrize("store", ["sqlite"], indirect=True)
    def test_an_erasure_waits_for_the_turn_that_goes_on(self, store):
        from madoguchi.channel.rest import MadoguchiInput

        agent = SimpleNamespace(tracker_store=store, lock_store=InMemoryLockStore())
        request = SimpleNamespace(app=SimpleNamespace(ctx=SimpleNamespace(agent=agent)), headers={adjustments.KEY_HEADER: "key"})

        async def erase_during_a_turn():
            routes = {tuple(route.methods): route.handler for route in MadoguchiInput(None, "key").blueprint(None)._future_routes}
            async with agent.lock_store.lock("me"):
                erasure = asyncio.create_task(routes["DELETE",](request, "me"))
                await asyncio.sleep(0.2)
                tracker = await store.get_or_create_tracker("me")
                tracker.update(UserUttered("said during the turn"))
                await store.save(tracker)
            await erasure
            return await store.retrieve("me")

        assert asyncio.run(erase_during_a_turn()) is None

    def test_erases_one_conversation(self, store):
        self.turns(store, "me", 3)
        self.turns(store, "you", 3)
        assert store.erase("me") > 0
        assert asyncio.run(store.retrieve("me")) is None
        assert asyncio.run(store.retrieve("you")) is not None
        assert store.erase("me") == 0
