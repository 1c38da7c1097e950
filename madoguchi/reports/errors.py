"""Why something about the review is not done."""

from __future__ import annotations

from madoguchi import MadoguchiError


class ReviewError(MadoguchiError):
    """A refusal; `code` is what pages choose their sentence by, `detail` what it is about (an entry, kinds of data), no customer's words.

    Codes: `gone` (decided by somebody else, or deleted), `empty`, `too_long`, `personal`, `brackets`, `entry`, `known`, `accepted`.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code} {detail}".strip())
