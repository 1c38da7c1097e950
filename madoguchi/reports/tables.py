"""The tables of the review: what staff made of misunderstood questions."""

from __future__ import annotations

import sqlalchemy as sa

from madoguchi.store import Base, UtcDateTime


class Phrasing(Base):
    """A wording that staff accepted for the bot to learn; no customer's words but theirs.

    Attributes:
        company, entry: the clause or gap that it asks for; both None where it is out of scope.
        accepted_by: id of the account.
        written_at: when `madoguchi corpus accept` wrote it into the files of the corpus.
    """

    __tablename__ = "review_phrasing"

    id = sa.Column(sa.Integer, primary_key=True)
    company = sa.Column(sa.String(40))
    entry = sa.Column(sa.String(80))
    lang = sa.Column(sa.String(2), nullable=False)
    text = sa.Column(sa.Text, nullable=False)
    accepted_by = sa.Column(sa.String(32), nullable=False)
    accepted_at = sa.Column(UtcDateTime, nullable=False)
    written_at = sa.Column(UtcDateTime)


class Reviewed(Base):
    """A customer's question that staff have dealt with; goes with the message, and with the phrasing where that is withdrawn.

    Attributes:
        phrasing_id: what they made of it; None where there was nothing to learn.
    """

    __tablename__ = "review_question"
    __table_args__ = (sa.ForeignKeyConstraint(["conversation_id", "seq"], ["message.conversation_id", "message.seq"], ondelete="CASCADE"),)

    conversation_id = sa.Column(sa.String(32), primary_key=True)
    seq = sa.Column(sa.Integer, primary_key=True)
    phrasing_id = sa.Column(sa.Integer, sa.ForeignKey("review_phrasing.id", ondelete="CASCADE"), index=True)
