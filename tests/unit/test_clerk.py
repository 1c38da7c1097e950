"""Work on tickets from the command line, on a database of its own."""

import pytest

from madoguchi import clerk
from madoguchi.requests import Filters, UnknownTicketError


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_a_rotation_stands_in_the_audit_log():
    assert clerk.verified(None).startswith("0 entries")
    assert clerk.rotated().startswith("sealed 0 field(s)")
    assert clerk.verified(None).startswith("2 entries")


def test_an_exported_head_finds_another_log():
    clerk.rotated()
    assert clerk.verified(clerk.head()).endswith("sound")
    with pytest.raises(clerk.AuditProblemError, match="not sound"):
        clerk.verified("9:abc")
    with pytest.raises(clerk.AuditProblemError, match="NUMBER:HMAC"):
        clerk.verified("nonsense")


def test_without_tickets():
    assert list(clerk.listed(Filters())) == []
    with pytest.raises(UnknownTicketError):
        clerk.shown("D-7K3M-92QX-4T6B-W")
