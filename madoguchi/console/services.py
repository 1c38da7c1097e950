"""What the pages of the console work with."""

from __future__ import annotations

from madoguchi.accounts import Accounts
from madoguchi.corpus import Corpus
from madoguchi.gateway.runtime import Runtime
from madoguchi.requests import Staff


class Services:
    """Of one process; database, conversations and the hub are the gateway's own."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.settings = runtime.settings
        self.corpus: Corpus = runtime.layout.corpus
        self.accounts = Accounts(runtime.database)
        self.office = runtime.office
        self.tickets = Staff(runtime.office)
