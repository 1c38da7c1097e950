"""Eleven adjustments to Rasa 3.6.21, made when a component of ours is loaded; a test pins the version they were read in.

1. Every text that reaches the message processor, through whatever channel, is cleaned and masked first (`rasa shell`
   has a channel of its own that no setting replaces), so that neither tracker nor log sees what was masked.
2. The JSON schema of an action's reply is built into a validator once instead of at each call, which was about 29 of the
   30 ms that a call costs; and the validator is a compiled one, which takes away another 1.4 ms.
3. A tracker store that fails is an error and not a silent change to memory, after which a conversation would go on from
   an older state.
4. Calls to the action server carry its key.
5. The class of an event is looked up among all of Rasa's once for each name and not for each event read: a third of the
   time it takes to read a conversation.
6. A model's graph is run one component after the other without a scheduler, which took a tenth of a turn to plan what has
   one order only.
7. Rules are not searched by a message's text, as none of ours names one: they are by its intent, in the second search of
   each message.
8. The action server is told the events since the latest message, which are what our actions look at, and not those of the
   turns before as well: a tenth of what was written, sent and read at each call.
9. The connection to the action server is kept from call to call, fifteen seconds at most, which the action server outwaits.
10. The copy of a conversation that an action is given is made of its state and not by going through its events again.
11. Nothing is copied for debug lines that are not written, and no message is compared with the domain: the intents that our
   classifier finds stand in it, which a test checks.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import nullcontext
from functools import lru_cache, partial
from itertools import takewhile
from types import SimpleNamespace
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

import aiohttp
import rasa
import rasa.engine.runner.dask as runner
from jsonschema import ValidationError
from jsonschema_rs import Validator, validator_for
from rasa.core import processor
from rasa.core.actions import forms
from rasa.core.actions.action import RemoteAction
from rasa.core.channels.channel import UserMessage
from rasa.core.policies import rule_policy
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.core.tracker_store import FailSafeTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import Event, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker, EventVerbosity
from rasa.utils.endpoints import EndpointConfig

from madoguchi import logs
from madoguchi.settings import Settings
from madoguchi.text import MAX_ACCEPTED, take_in

RASA_VERSION = "3.6.21"
KEY_HEADER = "X-Madoguchi-Key"
_MARK = "_madoguchi_adjusted"
_Found = tuple[str | None, str | None, bool]
"""The action that a rule predicts, the rule, and whether a form comes back from something else."""


@lru_cache(maxsize=1)
def _validator() -> Validator:
    return validator_for(RemoteAction.action_response_format_spec())


def _validate_action_result(_self: RemoteAction, result: dict[str, Any]) -> bool:
    error = next(iter(_validator().iter_errors(result)), None)
    if error is not None:
        raise ValidationError(f"the action server's reply has no valid shape at {error.instance_path}")
    return True


def guard(message: UserMessage) -> None:
    """Clean and mask a message's text in place, and note in its metadata what was masked.

    A text over the limit is cut: a channel of ours has refused it before, a foreign one has nobody to tell.
    """
    taken = take_in((message.text or "")[:MAX_ACCEPTED])
    message.text = taken.text
    if taken.masked:
        message.metadata = {**(message.metadata or {}), "masked": list(taken.masked)}


def _in_order(graph: Mapping[str, tuple[Any, ...]], targets: Sequence[str]) -> list[Any]:
    """The outputs of a graph's nodes, as `dask.get` finds them: a node is a component and the names of what it needs, or an input."""
    found: dict[str, Any] = {}

    def output(name: str) -> Any:
        if name not in found:
            component, *needs = graph[name]
            found[name] = component(*map(output, needs)) if callable(component) else graph[name]
        return found[name]

    return [output(name) for name in targets]


def _by_intent(find: Callable[..., _Found]) -> Callable[..., _Found]:
    def found(self: RulePolicy, tracker: DialogueStateTracker, domain: Domain, use_text_for_last_user_input: bool) -> _Found:
        return (None, None, False) if use_text_for_last_user_input else find(self, tracker, domain, False)

    return found


def _action_call_format(self: RemoteAction, tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
    state = tracker.current_state(EventVerbosity.NONE)
    since = list(takewhile(lambda event: not isinstance(event, UserUttered), reversed(tracker.events)))
    state["events"] = [event.as_dict() for event in reversed(since)]
    call = {"next_action": self.name(), "sender_id": tracker.sender_id, "tracker": state, "version": rasa.__version__}
    return call if self._is_selective_domain_enabled() else {**call, "domain": domain.as_dict()}


def _copy(self: DialogueStateTracker) -> DialogueStateTracker:
    twin = copy.copy(self)
    twin.events = copy.copy(self.events)
    twin.slots = {name: copy.copy(slot) for name, slot in self.slots.items()}
    twin.active_loop = copy.copy(self.active_loop)  # the one other part that an event changes in place
    return twin


def _itself(value: Any) -> Any:
    return value


_sessions: MutableMapping[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()


def _session(endpoint: EndpointConfig) -> nullcontext[aiohttp.ClientSession]:
    """The session of the loop that runs, which is left open by who uses it."""
    loop = asyncio.get_running_loop()
    if loop not in _sessions:
        _sessions[loop] = EndpointConfig.session(endpoint)
    return nullcontext(_sessions[loop])


async def close() -> None:
    """Close the connections of the loop that runs."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


@lru_cache(maxsize=1)
def _key() -> str:
    return Settings.load().action_key


def _raise(_self: FailSafeTrackerStore, error: Exception) -> NoReturn:
    raise error


def install() -> None:
    """Make the adjustments; a second call changes nothing.

    Raises:
        RuntimeError: another Rasa is installed than the one the adjustments were written for.
    """
    if rasa.__version__ != RASA_VERSION:
        raise RuntimeError(f"madoguchi.nlu.adjustments were written for Rasa {RASA_VERSION}; read them again for {rasa.__version__}")
    if getattr(MessageProcessor, _MARK, False):
        return
    logs.configure()
    parse, make = MessageProcessor.parse_message, RemoteAction.__init__

    # The processor parses a message before it writes the message to the tracker, so this is the one place to guard.
    async def parse_message(self: MessageProcessor, message: UserMessage, *args: Any, **kwargs: Any) -> Any:
        guard(message)
        return await parse(self, message, *args, **kwargs)

    def remote_action(self: RemoteAction, name: str, endpoint: Any) -> None:
        make(self, name, endpoint)
        if endpoint is not None:
            endpoint.headers.setdefault(KEY_HEADER, _key())
            endpoint.session = partial(_session, endpoint)

    MessageProcessor.parse_message = parse_message
    RemoteAction.__init__ = remote_action
    RemoteAction._action_call_format = _action_call_format
    RemoteAction._validate_action_result = _validate_action_result
    FailSafeTrackerStore.on_tracker_store_error = _raise
    FailSafeTrackerStore.on_tracker_store_retrieve_error = _raise
    Event.resolve_by_type = staticmethod(lru_cache(maxsize=64)(Event.resolve_by_type))
    RulePolicy._find_action_from_rules = _by_intent(RulePolicy._find_action_from_rules)
    runner.dask = SimpleNamespace(get=_in_order)
    DialogueStateTracker.copy = _copy
    RulePolicy.format_tracker_states = staticmethod(_itself)
    # In these modules, copies are made for nothing but debug lines.
    processor.copy = rule_policy.copy = forms.copy = SimpleNamespace(deepcopy=_itself)
    MessageProcessor._check_for_unseen_features = lambda _self, _parse_data: None
    setattr(MessageProcessor, _MARK, True)
