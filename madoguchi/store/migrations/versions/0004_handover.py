"""Work of staff: handover."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "handover",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("conversation_id", sa.String(32), sa.ForeignKey("conversation.id", ondelete="SET NULL"), index=True),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("company", sa.String(40)),
        sa.Column("topic", sa.String(40)),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("summary", _JSON, nullable=False),
        sa.Column("queued_at", _TIME, nullable=False, index=True),
        sa.Column("waiting_since", _TIME, nullable=False),
        sa.Column("told_at", _TIME),
        sa.Column("taken_by", sa.String(32)),
        sa.Column("taken_at", _TIME),
        sa.Column("first_reply_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.Column("ended_seq", sa.Integer),
        sa.Column("outcome", sa.String(16)),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index("uq_handover_open", "handover", ["conversation_id"], unique=True, sqlite_where=is_open, postgresql_where=is_open)
    op.create_table(
        "staff_presence",
        sa.Column("account_id", sa.String(32), primary_key=True),
        sa.Column("companies", _JSON, nullable=False),
        sa.Column("is_available", sa.Boolean, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
    )
    op.create_table(
        "chat_sign",
        sa.Column("conversation_id", sa.String(32), sa.ForeignKey("conversation.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("who", sa.String(32), primary_key=True),
        sa.Column("seen_at", _TIME),
        sa.Column("typing_at", _TIME),
        sa.Column("read_seq", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("chat_sign")
    op.drop_table("staff_presence")
    op.drop_index("uq_handover_open", "handover")
    op.drop_table("handover")
