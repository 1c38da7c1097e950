"""Guessing is slowed down, whoever guesses what from where, and nobody can be kept out by it. SQLite and PostgreSQL."""

import threading
from datetime import timedelta

import pytest

from madoguchi.accounts import WaitError
from madoguchi.accounts.tables import SignInTry
from madoguchi.accounts.throttle import Throttle
from madoguchi.requests import KeyRing

from .requests_counter import Counter


@pytest.fixture
def counter(database_url, tmp_path):
    made = Counter(database_url, KeyRing.from_file(tmp_path / "keys.yml")[0])
    yield made
    made.database.engine.dispose()


@pytest.fixture
def throttle(counter):
    return Throttle(counter.database, b"key", counter.clock)


def wait_of(throttle, name="hanako", address="192.0.2.1", kind="password"):
    """Seconds until a try is let through; 0 where this one was, as a failure."""
    try:
        throttle.begin(kind, name, address)
    except WaitError as error:
        return error.seconds
    return 0


def fail(counter, throttle, times, name="hanako", address="192.0.2.1", kind="password"):
    """Fail as often as may be, waiting as long as has to be; returns the waits."""
    waits = []
    for _ in range(times):
        wait = wait_of(throttle, name, address, kind)
        if wait:
            waits.append(wait)
            counter.later(seconds=wait)
            assert wait_of(throttle, name, address, kind) == 0
    return waits


def test_waits_grow_after_five_failures(counter, throttle):
    assert fail(counter, throttle, 6) == []
    assert fail(counter, throttle, 10) == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900]
    assert wait_of(throttle) == 900
    counter.later(seconds=899)
    assert wait_of(throttle) == 1
    assert wait_of(throttle, address="192.0.2.2") == 0


def test_a_wait_is_not_made_longer_by_trying(counter, throttle):
    fail(counter, throttle, 8)
    first = wait_of(throttle)
    assert [wait_of(throttle) for _ in range(5)] == [first] * 5


def test_a_success_takes_the_failures_back(counter, throttle):
    for _ in range(3):
        fail(counter, throttle, 4)
        throttle.succeeded(throttle.begin("password", "hanako", "192.0.2.1"))


def test_an_address_that_tries_many_names_waits(counter, throttle):
    for n in range(31):
        assert wait_of(throttle, f"name{n}") == 0
    assert wait_of(throttle, "another") == 2
    assert wait_of(throttle, "another", "192.0.2.9") == 0


def test_a_network_of_version_six_is_one_address(throttle):
    for n in range(31):
        assert wait_of(throttle, f"name{n}", f"2001:db8::{n}") == 0
    assert wait_of(throttle, "another", "2001:db8::ffff") == 2
    assert wait_of(throttle, "another", "2001:db8:0:1::1") == 0


def test_a_name_tried_from_everywhere_waits_a_minute_at_most(counter, throttle):
    for n in range(21):
        assert wait_of(throttle, address=f"198.51.100.{n}") == 0
    waits = []
    for n in range(20):
        wait = wait_of(throttle, address=f"203.0.113.{n}")
        waits.append(wait)
        counter.later(seconds=wait)
        wait_of(throttle, address=f"203.0.113.{n}")
    assert waits[:6] == [2, 4, 8, 16, 32, 60]
    assert set(waits[5:]) == {60}


def test_whom_a_name_was_let_in_for_is_not_kept_out_by_others(counter, throttle):
    home = "192.0.2.1"
    throttle.succeeded(throttle.begin("password", "hanako", home))
    for n in range(200):  # somebody guesses without end, from ever other addresses
        wait_of(throttle, address=f"198.51.100.{n}")
        counter.later(seconds=1)
    assert wait_of(throttle, address="203.0.113.1") > 0
    throttle.succeeded(throttle.begin("password", "hanako", home))
    counter.later(days=31)  # not for ever
    for n in range(30):
        wait_of(throttle, address=f"198.51.100.{n}")
    assert wait_of(throttle, address=home) > 0


def test_codes_are_counted_apart_and_wait_longer(counter, throttle):
    for n in range(11):
        assert wait_of(throttle, address=f"198.51.100.{n}", kind="code") == 0
    for n in range(12):
        wait = wait_of(throttle, address=f"203.0.113.{n}", kind="code")
        counter.later(seconds=wait)
        wait_of(throttle, address=f"203.0.113.{n}", kind="code")
    assert wait == 900
    assert wait_of(throttle) == 0


def test_failures_are_forgiven_one_by_one(counter, throttle):
    fail(counter, throttle, 9)
    counter.later(minutes=40)
    assert fail(counter, throttle, 1) == []
    assert wait_of(throttle) == 2  # the sixth again


def test_many_at_once_are_not_more_than_one_after_another(counter, throttle):
    together, waits = threading.Barrier(16), []

    def guess():
        together.wait()
        waits.append(wait_of(throttle))

    threads = [threading.Thread(target=guess) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(waits) == [0] * 6 + [2] * 10


def test_neither_name_nor_address_is_kept_and_nothing_for_long(counter, throttle):
    throttle.succeeded(throttle.begin("password", "hanako", "192.0.2.1"))
    fail(counter, throttle, 3, "taro", "192.0.2.2")
    assert {len(row.key) for row in counter.rows(SignInTry)} == {64}
    counter.later(days=2)
    throttle.forget()
    assert len(counter.rows(SignInTry)) == 1
    counter.now += timedelta(days=30)
    throttle.forget()
    assert counter.rows(SignInTry) == []
