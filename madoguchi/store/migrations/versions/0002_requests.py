"""Data subject requests: tickets, their sealed fields and codes, history, audit log, mails."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "ticket",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("number", sa.String(18), nullable=False, unique=True),
        sa.Column("company", sa.String(40), nullable=False),
        sa.Column("type", sa.String(24), nullable=False),
        sa.Column("relation", sa.String(24), nullable=False),
        sa.Column("channel", sa.String(8), nullable=False),
        sa.Column("about", sa.Text),
        sa.Column("ground", sa.String(24)),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("held_from", sa.String(32)),
        sa.Column("reason", sa.String(40)),
        sa.Column("notice_date", sa.Date),
        sa.Column("duplicate_of", sa.String(32), sa.ForeignKey("ticket.id")),
        sa.Column("assignee", sa.String(64)),
        sa.Column("origin", sa.String(64)),
        sa.Column("instance", sa.String(64)),
        sa.Column("contact_verified", sa.Boolean, nullable=False),
        sa.Column("link_hash", sa.String(64), unique=True),
        sa.Column("link_until", _TIME),
        sa.Column("notice_version", sa.String(32)),
        sa.Column("notice_text", sa.Text),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("arrived_at", _TIME),
        sa.Column("documents_at", _TIME),
        sa.Column("answered_at", _TIME),
        sa.Column("closed_at", _TIME),
        sa.Column("shredded_at", _TIME),
        sa.Column("version", sa.Integer, nullable=False),
        sa.UniqueConstraint("origin", "instance", name="uq_ticket_origin_instance"),
        sa.Index("ix_ticket_company_opened_at", "company", "opened_at"),
        sa.Index("ix_ticket_company_state_opened_at", "company", "state", "opened_at"),
        sa.Index("ix_ticket_state_opened_at", "state", "opened_at"),
    )
    op.create_table(
        "sealed_field",
        sa.Column("ticket_id", sa.String(32), sa.ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(24), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("nonce", sa.LargeBinary, nullable=False),
        sa.Column("ciphertext", sa.LargeBinary, nullable=False),
        sa.Index("ix_sealed_field_key_id", "key_id"),
    )
    op.create_table(
        "blind_index",
        sa.Column("ticket_id", sa.String(32), sa.ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.String(24), primary_key=True),
        sa.Column("company", sa.String(40), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Index("ix_blind_index_company_kind_hash", "company", "kind", "hash"),
    )
    op.create_table(
        "ticket_code",
        sa.Column("number", sa.String(18), primary_key=True),
        sa.Column("purpose", sa.String(8), primary_key=True),
        sa.Column("hash", sa.String(64)),
        sa.Column("expires_at", _TIME),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("issued", sa.Integer, nullable=False),
        sa.Column("sends", sa.Integer, nullable=False),
        sa.Column("sends_since", _TIME),
        sa.Column("active_at", _TIME, nullable=False, index=True),
    )
    op.create_table(
        "code_wish",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.String(18), nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_table(
        "ticket_history",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ticket_id", sa.String(32), sa.ForeignKey("ticket.id"), nullable=False, index=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("from_state", sa.String(32)),
        sa.Column("to_state", sa.String(32), nullable=False),
        sa.Column("facts", _JSON, nullable=False),
    )
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("number", sa.String(18), index=True),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("prev", sa.String(64), nullable=False),
        sa.Column("hmac", sa.String(64), nullable=False),
    )
    op.create_table(
        "mail",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("key", sa.String(80), nullable=False, unique=True),
        sa.Column("ticket_id", sa.String(32), sa.ForeignKey("ticket.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("lang", sa.String(2), nullable=False),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("recipient", sa.String(64), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("next_try_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME),
        sa.Column("lease_until", _TIME),
        sa.Column("problem", sa.String(64)),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME),
        sa.Index("ix_mail_state_next_try_at", "state", "next_try_at"),
        sa.Index("ix_mail_recipient_created_at", "recipient", "created_at"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("mail", "audit", "ticket_history", "code_wish", "ticket_code", "blind_index", "sealed_field", "ticket"):
        op.drop_table(table)
