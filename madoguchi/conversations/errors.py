"""Why something about a conversation is refused."""

from __future__ import annotations

from madoguchi import MadoguchiError


class ConversationError(MadoguchiError):
    """A refusal; `code` is one of those that the customer API knows, and holds nothing of what was sent.

    Attributes:
        retry_after: seconds until it may be tried again, where waiting helps.
    """

    def __init__(self, code: str, retry_after: int | None = None) -> None:
        self.code = code
        self.retry_after = retry_after
        super().__init__(code)
