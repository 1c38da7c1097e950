"""How much one conversation and one network address may do."""

import pytest

from .client import Chat, Rasa, alone, connect, new_address, new_id


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    """A gateway with the limits it comes with."""
    rasa = Rasa().start()
    with alone(tmp_path_factory.mktemp("limits"), rasa) as gateway:
        yield gateway
    rasa.kill()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    """A gateway with small limits of an address."""
    rasa = Rasa().start()
    limits = {"MADOGUCHI_ADDRESS_MESSAGES_A_MINUTE": "6", "MADOGUCHI_ADDRESS_CONVERSATIONS": "3"}
    with alone(tmp_path_factory.mktemp("narrow"), rasa, **limits) as gateway:
        yield gateway
    rasa.kill()


def refused(response, code):
    assert response.status_code == 429, response.text
    body = response.json()
    assert body["error"] == code
    assert body["message"].keys() == {"ja", "en"}
    assert body["retry_after"] >= 1
    assert response.headers["retry-after"] == str(body["retry_after"])
    return True


def test_the_21st_message_in_a_minute_is_refused(limited):
    chat = Chat(limited.port)
    ids = [new_id() for _ in range(20)]
    for n, client_id in enumerate(ids):
        chat.send(f"message {n}", client_id=client_id)
    late = new_id()
    assert refused(chat.post("one too many", client_id=late), "too_fast")
    # What was taken before may be sent again, and what was refused was not kept.
    assert chat.send("message 7", client_id=ids[7])["seq"] == [m["seq"] for m in chat.messages(sender="customer")][7]
    chat.settled()
    assert len(chat.messages(sender="customer")) == 20
    assert len(chat.messages(sender="assistant")) == 20


def test_another_conversation_is_not_held_up(limited):
    crowded, other = Chat(limited.port), Chat(limited.port)
    while crowded.post("more").status_code == 202:
        pass
    other.send("quiet")


def test_an_address_has_a_limit_over_its_conversations(narrow):
    address = new_address()
    one, two = Chat(narrow.port, address=address), Chat(narrow.port, address=address)
    for n in range(3):
        one.send(f"one {n}")
        two.send(f"two {n}")
    assert refused(one.post("seventh"), "too_fast")
    assert refused(two.post("seventh"), "too_fast")
    Chat(narrow.port).send("from elsewhere")


def test_an_address_may_open_so_many_conversations(narrow):
    address = new_address()
    chats = [Chat(narrow.port, address=address) for _ in range(3)]
    http = connect(narrow.port, address)
    assert refused(http.post("/api/conversations", json={}), "too_many_conversations")
    assert connect(narrow.port).post("/api/conversations", json={}).status_code == 201
    chats[0].erase()
    assert http.post("/api/conversations", json={}).status_code == 201


def test_a_network_of_ipv6_addresses_counts_as_one(narrow):
    for n in range(3):
        Chat(narrow.port, address=f"2001:db8:1:2::{n:x}")
    assert refused(connect(narrow.port, "2001:db8:1:2:ffff::1").post("/api/conversations", json={}), "too_many_conversations")
    Chat(narrow.port, address="2001:db8:1:3::1")


def test_addresses_are_not_kept_readable(narrow):
    Chat(narrow.port, address="203.0.113.77").send("hello")
    files = list(narrow.data.glob("madoguchi.db*"))
    assert files
    assert not [path for path in files if b"203.0.113.77" in path.read_bytes()]


def test_deleting_conversations_does_not_lift_the_limit_of_an_address(narrow):
    address = new_address()
    sent = 0
    for _ in range(4):
        chat = Chat(narrow.port, address=address)
        sent += sum(chat.post(f"message {n}").status_code == 202 for n in range(4))
        chat.erase()
    assert sent <= 6
