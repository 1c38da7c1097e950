"""Sealed fields: bound to their row, rotated while they are read; the key ring."""

import json
import stat
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
import yaml

from madoguchi.requests import KeyRing, KeyRingError, SealError
from madoguchi.requests import keys as keys_module
from madoguchi.requests.tables import SealedField, Ticket

from .requests_counter import EMAIL, NAME, Counter, new_counter


@pytest.fixture
def counter(tmp_path):
    return new_counter(tmp_path)


def change(counter, *where, **values):
    with counter.database.write() as session:
        session.execute(sa.update(SealedField).where(*where).values(**values))


def sealed(counter, ticket, name):
    (owner,) = counter.rows(Ticket, Ticket.number == ticket.number)
    return counter.rows(SealedField, SealedField.ticket_id == owner.id, SealedField.name == name)[0]


def two_tickets(counter):
    one, two = (counter.received(email=email) for email in (EMAIL, "someone.else@example.com"))
    return sealed(counter, one, "email"), sealed(counter, two, "email"), sealed(counter, one, "name")


def test_a_field_opens_in_its_own_row_only(counter):
    one, two, name = two_tickets(counter)
    seals = counter.office.seals
    assert seals.open(one) == "Hanako.Yamada@example.co.jp"
    for row, other in ((two, one), (name, one)):
        swapped = SealedField(
            ticket_id=row.ticket_id, name=row.name, position=row.position, key_id=other.key_id, nonce=other.nonce,
            ciphertext=other.ciphertext,
        )  # fmt: skip
        with pytest.raises(SealError) as caught:
            seals.open(swapped)
        assert "@" not in str(caught.value)


def test_rows_swapped_in_the_database_are_refused(counter):
    one, two, _ = two_tickets(counter)
    mine = sa.and_(SealedField.ticket_id == one.ticket_id, SealedField.name == "email")
    change(counter, mine, key_id=two.key_id, nonce=two.nonce, ciphertext=two.ciphertext)
    with counter.database.read() as session, pytest.raises(SealError):
        counter.office.seals.read(session, one.ticket_id, "email")


@pytest.mark.parametrize("what", ["ciphertext", "nonce", "position"])
def test_an_altered_row_is_refused(counter, what):
    row = two_tickets(counter)[0]
    if what == "position":
        row.position += 1
    else:
        raw = getattr(row, what)
        setattr(row, what, raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(SealError):
        counter.office.seals.open(row)


def test_the_same_value_is_sealed_differently_each_time(counter):
    counter.received(), counter.received()
    found = [row.ciphertext for row in counter.rows(SealedField, SealedField.name == "name")]
    assert len(set(found)) == 2
    assert all(NAME.encode() not in raw for raw in found)


def test_blind_indices_fold_width_and_case_and_keep_companies_apart(counter):
    index = counter.office.seals.blind_index
    assert index("lexus", "email", "a@example.com") == index("lexus", "email", " Ａ＠EXAMPLE.com ")
    assert index("lexus", "email", "a@example.com") != index("jamil", "email", "a@example.com")
    assert index("lexus", "email", "a") != index("lexus", "name", "a")


def test_a_rotation_reseals_everything_while_a_reader_goes_on(counter):
    for n in range(12):
        counter.received(email=f"reader{n}@example.com", type_="correction")
    before = {row.ticket_id: counter.office.seals.open(row) for row in counter.rows(SealedField, SealedField.name == "email")}
    problems, reads, done = [], [0], threading.Event()

    def read():
        reader = new_counter_on(counter)
        while not done.is_set() or not reads[0]:
            for row in reader.rows(SealedField, SealedField.name == "email"):
                try:
                    if reader.office.seals.open(row) != before[row.ticket_id]:
                        problems.append("another value")
                except Exception as error:  # noqa: BLE001
                    problems.append(repr(error))
            reads[0] += 1

    thread = threading.Thread(target=read)
    thread.start()
    try:
        results = [counter.office.seals.rotate(counter.database) for _ in range(5)]
    finally:
        done.set()
        thread.join()
    assert problems == []
    assert reads[0] > 0
    assert all(result.resealed == len(counter.rows(SealedField)) for result in results)
    assert {row.key_id for row in counter.rows(SealedField)} == {"k6"}


def new_counter_on(counter):
    return Counter(f"sqlite:///{counter.database.url.database}", KeyRing(path=counter.ring._path))


def test_old_keys_go_a_day_after_nothing_uses_them(counter, monkeypatch):
    counter.received()
    assert counter.office.seals.rotate(counter.database).dropped == ()
    monkeypatch.setattr(keys_module, "RETIRED_FOR", timedelta(0))
    assert counter.office.seals.rotate(counter.database).dropped == ("k1", "k2")
    assert list(yaml.safe_load(counter.ring._path.read_text())["data"]) == ["k3"]
    assert counter.office.seals.open(counter.rows(SealedField)[0])


def test_a_key_in_use_is_never_dropped(counter, monkeypatch):
    monkeypatch.setattr(keys_module, "RETIRED_FOR", timedelta(0))
    counter.ring.add_key()
    assert counter.ring.droppable(frozenset({"k1"})) == ()
    assert counter.ring.droppable(frozenset()) == ("k1",)


def test_a_ring_is_made_once_for_its_owner_alone(tmp_path):
    path = tmp_path / "deep" / "keys.yml"
    first, made = KeyRing.from_file(path)
    again, made_again = KeyRing.from_file(path)
    assert (made, made_again) == (True, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.audit_key == again.audit_key
    assert len({first.index_key, first.audit_key, first.code_key, first.data_key("k1")}) == 4
    first.add_key()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert again.newest == "k2", "another process notices the new key"
    assert [file.name for file in path.parent.iterdir()] == ["keys.yml"]


def test_processes_that_make_a_ring_at_once_use_the_same(tmp_path):
    rings, barrier = [], threading.Barrier(8)

    def make():
        barrier.wait()
        rings.append(KeyRing.from_file(tmp_path / "keys.yml"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert len({ring.audit_key for ring, _ in rings}) == 1
    assert [made for _, made in rings].count(True) == 1


def test_a_ring_from_a_text_cannot_be_changed_and_reads_json(tmp_path):
    KeyRing.from_file(tmp_path / "keys.yml")
    text = json.dumps(yaml.safe_load((tmp_path / "keys.yml").read_text()), default=str)
    ring = KeyRing.from_text(text)
    assert ring.newest == "k1"
    with pytest.raises(KeyRingError):
        ring.add_key()


def test_what_is_wrong_with_a_ring_is_said_without_its_keys(tmp_path):
    KeyRing.from_file(tmp_path / "keys.yml")
    good = yaml.safe_load((tmp_path / "keys.yml").read_text())
    bad = [
        "", "- a", ": :\n  - [", "data: {}", yaml.safe_dump(good | {"index": good["audit"]}), yaml.safe_dump(good | {"codes": "c2hvcnQ="}),
        yaml.safe_dump(good | {"audit": None}), yaml.safe_dump(good | {"data": {"k 1": good["data"]["k1"]}}),
        yaml.safe_dump(good | {"data": {"k1": {"key": good["data"]["k1"]["key"], "made_at": "2026-11-01T00:00:00"}}}),
        (tmp_path / "keys.yml").read_text()[:-20] + "\n  broken: [",
    ]  # fmt: skip
    for text in bad:
        with pytest.raises(KeyRingError) as caught:
            KeyRing.from_text(text)
        for key in (good["data"]["k1"]["key"], good["index"], good["audit"]):
            assert key not in str(caught.value)
            assert caught.value.__cause__ is None
    with pytest.raises(KeyRingError):
        KeyRing(path=tmp_path / "missing.yml")


def test_a_key_that_is_gone_is_named(counter):
    row = two_tickets(counter)[0]
    row.key_id = "k9"
    with pytest.raises(KeyRingError, match="k9"):
        counter.office.seals.open(row)
