"""Ticket numbers: printed, read out, mistyped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madoguchi.requests import new_number, parse
from madoguchi.requests.numbers import ALPHABET
from madoguchi.text import mask
from madoguchi.text.masking import TICKET_NUMBER

KNOWN = "D-7K3M-92QX-4T6B-J"
bodies = st.text(ALPHABET, min_size=12, max_size=12)


def test_a_new_number_is_printed_as_the_masking_lets_it_through():
    for _ in range(200):
        number = new_number()
        assert TICKET_NUMBER.fullmatch(number)
        assert parse(number) == number
        assert mask(f"My number is {number}.").kinds == ()


def test_new_numbers_differ():
    assert len({new_number() for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    "typed",
    [
        "d-7k3m-92qx-4t6b-j",
        "D7K3M92QX4T6BJ",
        " D 7K3M 92QX 4T6B J ",
        "Ｄ－７Ｋ３Ｍ－９２ＱＸ－４Ｔ６Ｂ－Ｊ",
        "D—7K3M—92QX—4T6B—J",
        "Dー7K3Mー92QXー4T6BーJ",
        "D-7K3M\t92QX\n4T6B-J",
    ],
)
def test_ways_of_typing_one_number(typed):
    assert parse(typed) == KNOWN


def test_letters_that_look_like_digits():
    number = next(n for n in (new_number() for _ in range(2_000)) if "0" in n and "1" in n)
    head, rest = number[:1], number[1:]
    assert parse(head + rest.replace("0", "O").replace("1", "I")) == number
    assert parse(head + rest.replace("0", "o").replace("1", "l")) == number


@pytest.mark.parametrize(
    "typed", ["", "D", "D-7K3M-92QX-4T6B-K", "E-7K3M-92QX-4T6B-J", KNOWN + "0", "D-7K3M-92QX-4T6B", "U" * 14, "D" * 5_000, "😀"]
)
def test_what_is_no_number(typed):
    assert parse(typed) is None


@given(bodies, st.integers(0, 12), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(body, place, wrong):
    from stdnum import luhn

    right = body + luhn.calc_check_digit(body, ALPHABET)
    mistyped = right[:place] + wrong + right[place + 1 :]
    assert (parse("D" + mistyped) is not None) == (mistyped == right)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    found = parse(text)
    assert found is None or TICKET_NUMBER.fullmatch(found)
