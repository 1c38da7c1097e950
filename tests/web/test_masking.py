"""What looks like personal data is stored nowhere: planted in sentences, sent, and searched for in databases and logs."""

import re
import unicodedata
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from madoguchi.conversations import Conversations, Limits
from madoguchi.store import Database

from .client import Chat, files_of, holds, new_id, rows, text_of

# Neither sentences nor places hold a digit or an @: what is left of either after masking is left of the data.
SENTENCES = (
    "私の情報は {} です。削除してください",
    "{}に連絡してください",
    "レクサスの窓口です。{}、これで分かりますか？",
    "連絡先：{}（本人）",
    "My details are {}, please delete them.",
    "{} is mine",
    "Could you look up {} for me?",
    "I moved: {}. What do you keep?",
)


def digits(count, first="123456789"):
    return st.builds(str.__add__, st.sampled_from(first), st.text("0123456789", min_size=count - 1, max_size=count - 1))


def grouped(number, *sizes, gap):
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return gap.join(parts)


@st.composite
def mails(draw):
    local = draw(st.from_regex(r"[a-z][a-z0-9]{3,9}(?:[._+-][a-z0-9]{2,6})?", fullmatch=True))
    return f"{local}@{draw(st.sampled_from(('example.com', 'docomo.ne.jp', 'mail.example.co.jp', 'gmail.com')))}"


@st.composite
def phones(draw):
    mobile = draw(st.sampled_from(("070", "080", "090", "050"))) + draw(digits(8))
    gap = draw(st.sampled_from(("-", "", " ", "−", "ー", ".")))
    shapes = (
        grouped(mobile, 3, 4, 4, gap=gap),
        f"{mobile[:3]}({mobile[3:7]}){mobile[7:]}",
        f"+81 {mobile[1:3]}-{mobile[3:7]}-{mobile[7:]}",
        f"+81-{mobile[1:3]}-{mobile[3:7]}-{mobile[7:]}",
        grouped("03" + mobile[3:], 2, 4, 4, gap=gap),
        f"({'06'}){mobile[3:7]}-{mobile[7:]}",
        grouped("0463" + mobile[3:9], 4, 2, 4, gap=gap),
        grouped("0120" + mobile[3:9], 4, 3, 3, gap=gap),
    )
    return draw(st.sampled_from(shapes))


@st.composite
def addresses(draw):
    code = draw(digits(7))
    place = draw(
        st.sampled_from(
            ("東京都渋谷区神宮前", "大阪府大阪市北区梅田", "神奈川県横浜市中区本町", "北海道札幌市中央区北一条西", "京都府京都市左京区吉田")
        )
    )
    a, b, c = (draw(st.integers(1, 99)) for _ in range(3))
    street = draw(st.sampled_from((f"{a}-{b}-{c}", f"{a}丁目{b}番{c}号", f"{a}丁目{b}-{c}", f"{a}-{b}")))
    return draw(st.sampled_from((f"〒{code[:3]}-{code[3:]} {place}{street}", f"{place}{street}", f"{code[:3]}-{code[3:]}")))


@st.composite
def cards(draw):
    gap = draw(st.sampled_from(("-", " ", "")))
    return grouped(draw(digits(16, "345")), 4, 4, 4, 4, gap=gap)


@st.composite
def my_numbers(draw):
    return grouped(draw(digits(12)), 4, 4, 4, gap=draw(st.sampled_from(("-", " ", ""))))


@st.composite
def licences(draw):
    return draw(st.sampled_from(("運転免許証の番号 {}", "免許証番号：{}", "driving licence number {}", "driver's license no. {}"))).format(
        draw(digits(12))
    )


@st.composite
def plates(draw):
    place = draw(st.sampled_from(("品川", "横浜", "なにわ", "多摩", "富士山", "湘南")))
    number, kana, last = draw(st.integers(300, 599)), draw(st.sampled_from("あいさすたね")), draw(digits(4))
    return draw(st.sampled_from((f"{place}{number}{kana}{last[:2]}-{last[2:]}", f"{place} {number} {kana} {last[:2]}-{last[2:]}")))


PLANTED = {
    "e-mail": mails(),
    "phone": phones(),
    "address": addresses(),
    "card": cards(),
    "my number": my_numbers(),
    "licence": licences(),
    "plate": plates(),
}


def full_width(text):
    return "".join("\u3000" if char == " " else chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


@st.composite
def messages(draw, kinds=tuple(PLANTED)):
    """A sentence, and what was planted in it."""
    value = draw(PLANTED[draw(st.sampled_from(kinds))])
    typed = full_width(value) if draw(st.booleans()) else value
    return draw(st.sampled_from(SENTENCES)).format(typed), value


def remains(kept, value):
    """What is left of planted data in a text."""
    normal = unicodedata.normalize("NFKC", kept)
    name = value.split("@")[0] if "@" in value else None
    return re.findall(r"[0-9]", normal) or ([name] if name and name in normal else [])


def shapes(value):
    """The forms in which a planted value might be kept."""
    normal = unicodedata.normalize("NFKC", value)
    bare = re.sub(r"\D", "", normal)
    found = {value, normal, full_width(value)} | ({bare} if len(bare) >= 10 else set())
    return {shape for shape in found if len(shape) >= 6}


# Every kind, many examples, on the service itself.


@pytest.fixture(scope="module")
def unit(tmp_path_factory):
    path = tmp_path_factory.mktemp("masking") / "unit.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    service = Conversations(database, Limits(10**6, 10**6, 10**6), b"key", lambda: datetime(2026, 11, 1, tzinfo=timezone.utc))
    return path, service, service.find(service.open("lexus", "ja", "10.0.0.1")[0])


@pytest.mark.parametrize("kind", PLANTED)
def test_nothing_of_it_is_kept(unit, kind):
    path, service, mine = unit
    planted = set()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(messages((kind,)))
    def planted_and_sent(message):
        text, value = message
        planted.add(value)
        kept = service.send(mine, new_id(), text, None)
        assert kept["masked"], text
        assert not remains(text_of(kept), value), (text, text_of(kept))

    planted_and_sent()
    assert len(planted) > 20
    files = files_of(path)
    assert not [found for value in planted for shape in shapes(value) for found in holds(files, shape)]


@pytest.mark.parametrize(
    "text",
    ["４１１１ー１１１１ー１１１１ー１１１１", "4111−1111−1111−1111", "1234ー5678ー9012", "１２３４‐５６７８‐９０１２", "090―1234―5678"],
)
def test_dashes_that_japanese_input_makes(unit, text):
    _, service, mine = unit
    kept = service.send(mine, new_id(), f"番号は {text} です", None)
    assert not remains(text_of(kept), text), text_of(kept)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(message=st.text(max_size=300).map(lambda text: text + "。"))
@example(message="レクサスの電話番号は 0800-500-5577 ですか")
def test_any_text_is_kept_or_refused_and_masking_twice_changes_nothing(unit, message):
    from madoguchi.conversations import ConversationError

    _, service, mine = unit
    try:
        kept = text_of(service.send(mine, new_id(), message, None))
    except ConversationError as error:
        assert error.code == "empty"
        return
    assert text_of(service.send(mine, new_id(), kept, None)) == kept


def test_contacts_that_policies_publish_stay(unit):
    _, service, mine = unit
    for contact in ("0800-500-5577", "03-5945-0121", "privacy_policy@mail.nissan.co.jp"):
        kept = service.send(mine, new_id(), f"{contact} は窓口ですか", None)
        assert contact in text_of(kept)
        assert kept["masked"] == []


# The whole product: both databases and the log are searched.


def test_nothing_of_it_is_left_in_the_product(servers):
    planted, chats = set(), []

    @settings(max_examples=28, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(messages())
    def planted_and_sent(message):
        text, value = message
        planted.add(value)
        if len(chats) % 14 == 0 or not chats:
            chats.append(Chat(servers.gateway_port, "lexus"))
        else:
            chats.append(chats[-1])
        kept = chats[-1].send(text)
        assert kept["masked"], text
        assert not remains(text_of(kept), value), (text, text_of(kept))

    planted_and_sent()
    for chat in set(chats):
        chat.settled(60)
        assert chat.messages(sender="assistant")
        assert chat.messages(sender="system") == []
    assert len(planted) > 10
    assert rows(servers.data / "tracker.db", "SELECT count(*) FROM events WHERE type_name = 'user'")[0][0] >= len(planted)
    files = [*files_of(servers.data / "madoguchi.db"), *files_of(servers.data / "tracker.db"), servers.log]
    assert not [found for value in planted for shape in shapes(value) for found in holds(files, shape)]
