"""Phrasings that staff took from misunderstood questions, which questions they have dealt with; an index for reports."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "review_phrasing",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("company", sa.String(40)),
        sa.Column("entry", sa.String(80)),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("accepted_by", sa.String(32), nullable=False),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.Column("written_at", _TIME),
    )
    op.create_table(
        "review_question",
        sa.Column("conversation_id", sa.String(32), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("phrasing_id", sa.Integer, sa.ForeignKey("review_phrasing.id", ondelete="CASCADE"), index=True),
        sa.ForeignKeyConstraint(["conversation_id", "seq"], ["message.conversation_id", "message.seq"], ondelete="CASCADE"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in ("company", "topic"):
        # SQLite can add no stored one; the index keeps its values all the same.
        taken = f"json_extract(body, '$.answer.{name}')" if is_sqlite else f"body #>> '{{answer,{name}}}'"
        op.add_column("message", sa.Column(name, sa.String(40), sa.Computed(taken, persisted=not is_sqlite)))
    op.create_index("ix_message_report", "message", ["sender", "created_at", "kind", "company", "topic", "lang", "conversation_id", "seq"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_message_report", "message")
    for name in ("company", "topic"):
        op.drop_column("message", name)
    op.drop_table("review_question")
    op.drop_table("review_phrasing")
