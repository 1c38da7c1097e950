"""What the channel says when it cannot take a request, in both languages."""

from __future__ import annotations

from typing import NamedTuple

from madoguchi import MadoguchiError
from madoguchi.text import MAX_ACCEPTED


class Problem(NamedTuple):
    """A refusal: HTTP status, code for programs, sentence for people."""

    code: str
    status: int
    ja: str
    en: str


_PROBLEMS = {
    problem.code: problem
    for problem in (
        Problem("no_key", 401, "鍵（X-Madoguchi-Key）が正しくありません。", "The key (X-Madoguchi-Key) is missing or wrong."),
        Problem("body_too_large", 413, "送信内容が大きすぎます。", "The request is too large."),
        Problem("no_json", 400, "JSON として読み取れません。", "The body is not valid JSON."),
        Problem("no_object", 400, "JSON のオブジェクトを送ってください。", "The body must be a JSON object."),
        Problem("no_message", 400, "message に文字列を入れてください。", "`message` must be a string."),
        Problem(
            "message_too_long",
            413,
            f"メッセージが長すぎます。{MAX_ACCEPTED:,} 文字以内でお送りください。",
            f"The message is too long; it may have {MAX_ACCEPTED:,} characters.",
        ),
        Problem(
            "bad_sender", 400, "sender には 200 文字以内の文字列を入れてください。", "`sender` must be a string of at most 200 characters."
        ),
        Problem("bad_metadata", 400, "metadata にはオブジェクトを入れてください。", "`metadata` must be an object."),
        Problem("no_erasure", 501, "この保存先では会話を消去できません。", "This tracker store cannot erase conversations."),
        Problem(
            "no_reply",
            502,
            "申し訳ございません。ただいまお答えできません。少し時間をおいてもう一度お試しください。",
            "Sorry, there is no answer at the moment. Please try again shortly.",
        ),
        Problem(
            "too_slow",
            504,
            "申し訳ございません。お答えに時間がかかっています。もう一度お試しください。",
            "Sorry, the answer takes too long. Please try again.",
        ),
        Problem(
            "failed",
            500,
            "申し訳ございません。エラーが発生しました。もう一度お試しください。",
            "Sorry, something went wrong. Please try again.",
        ),
    )
}


def problem_of(code: str) -> Problem:
    """The problem of that code."""
    return _PROBLEMS[code]


class BadRequestError(MadoguchiError):
    """A request that the channel refuses; `problem` says why."""

    def __init__(self, code: str) -> None:
        self.problem = problem_of(code)
        super().__init__(self.problem.en)
