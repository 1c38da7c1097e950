"""Conversations: messages, votes, erasures still to be carried out, recurring jobs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("sender", sa.String(64), nullable=False, unique=True),
        sa.Column("site", sa.String(40)),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("asked_seq", sa.Integer, nullable=False),
        sa.Column("answered_seq", sa.Integer, nullable=False),
        sa.Column("told_seq", sa.Integer, nullable=False),
        sa.Column("retry_at", _TIME),
        sa.Column("lease_by", sa.String(32)),
        sa.Column("lease_until", _TIME),
        sa.Column("address_hash", sa.String(64), index=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("active_at", _TIME, nullable=False, index=True),
        sa.Column("closed_at", _TIME),
    )
    op.create_table(
        "message",
        sa.Column("conversation_id", sa.String(32), sa.ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("client_id", sa.String(64)),
        sa.Column("sender", sa.String(9), nullable=False),
        sa.Column("kind", sa.String(32)),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("body", _JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("conversation_id", "client_id"),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("conversation_id", sa.String(32), sa.ForeignKey("conversation.id", ondelete="SET NULL"), index=True),
        sa.Column("seq", sa.Integer),
        sa.Column("helpful", sa.Boolean, nullable=False),
        sa.Column("kind", sa.String(32)),
        sa.Column("company", sa.String(40)),
        sa.Column("topic", sa.String(40)),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("clauses", _JSON, nullable=False),
        sa.Column("words", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("conversation_id", "seq"),
    )
    op.create_table("erasure", sa.Column("sender", sa.String(64), primary_key=True), sa.Column("due_at", _TIME, nullable=False))
    op.create_table(
        "address_use",
        sa.Column("address_hash", sa.String(64), primary_key=True),
        sa.Column("tenth", sa.Integer, primary_key=True),
        sa.Column("messages", sa.Integer, nullable=False),
    )
    op.create_table("job", sa.Column("name", sa.String(32), primary_key=True), sa.Column("ran_at", _TIME, nullable=False))


def downgrade() -> None:
    """Drop them."""
    for table in ("job", "address_use", "erasure", "feedback", "message", "conversation"):
        op.drop_table(table)
