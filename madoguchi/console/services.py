"""What the pages of the console work with."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from madoguchi.accounts import Register
from madoguchi.conversations import LiveChats, Presence
from madoguchi.corpus import Corpus
from madoguchi.gateway.runtime import Runtime
from madoguchi.office import accounts_of
from madoguchi.requests import Staff

from .board import Board
from .searching import Searching

if TYPE_CHECKING:
    from madoguchi.accounts.provider import Provider


class Services:
    """Of one process; database, conversations and the hub are the gateway's own."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.settings = runtime.settings
        self.corpus: Corpus = runtime.layout.corpus
        self.office = runtime.office
        self.accounts = accounts_of(runtime.settings, runtime.office)
        self.register = Register(runtime.office)
        self.tickets = Staff(runtime.office)
        self.lookup = Searching(self.corpus, os.environ.get("MADOGUCHI_MODEL"))
        self.chats = LiveChats(runtime.office)
        self.presence = Presence(runtime.database)
        self.board = Board(self.chats)

    @cached_property
    def provider(self) -> Provider | None:
        """The identity provider, where there is one."""
        if self.settings.oidc is None:
            return None
        from madoguchi.accounts.provider import Provider

        return Provider(self.settings.oidc, f"{self.settings.console_url}sign-in/provider/back", self.office.ring.code_key)
