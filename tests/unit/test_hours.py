"""When staff answer: what the setting says, in Japan's time, without its holidays."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from madoguchi.hours import JAPAN, StaffedHours, day_and_time
from madoguchi.settings import SettingError, Settings

HOURS = StaffedHours.parse("lexus=mon-fri 09:30-17:30, sat 10:00-12:00; jamil=fri-mon 22:00-24:00; *=mon-fri 10:00-17:00")


def japan(day, hour, minute=0):
    """A time in November 2026, whose 2nd is a Monday and whose 3rd and 23rd are holidays."""
    return datetime(2026, 11, day, hour, minute, tzinfo=JAPAN)


@pytest.mark.parametrize(
    ("company", "when", "is_open"),
    [
        ("lexus", japan(2, 9, 29), False),
        ("lexus", japan(2, 9, 30), True),
        ("lexus", japan(2, 17, 29), True),
        ("lexus", japan(2, 17, 30), False),
        ("lexus", japan(3, 12), False),  # 文化の日
        ("lexus", japan(7, 11), True),
        ("lexus", japan(7, 13), False),
        ("lexus", japan(8, 11), False),
        ("jamil", japan(1, 23, 59), True),
        ("jamil", japan(4, 23), False),
        ("infiniti", japan(2, 10), True),
        ("infiniti", japan(2, 9, 45), False),
        (None, japan(2, 10), True),
    ],
)
def test_open_or_not(company, when, is_open):
    for zone in (timezone.utc, ZoneInfo("America/New_York")):
        assert HOURS.is_open(company, when.astimezone(zone)) is is_open


@pytest.mark.parametrize(
    ("company", "when", "opening"),
    [
        ("lexus", japan(2, 8), japan(2, 9, 30)),
        ("lexus", japan(2, 18), japan(4, 9, 30)),  # over the holiday
        ("lexus", japan(7, 13), japan(9, 9, 30)),
        ("infiniti", japan(20, 17), japan(24, 10)),  # over the weekend and 勤労感謝の日
    ],
)
def test_the_next_opening(company, when, opening):
    assert HOURS.next_opening(company, when) == opening


def test_without_hours_staff_are_there_whenever_somebody_is():
    none = StaffedHours.parse("")
    assert none.is_open("lexus", japan(3, 3))
    assert none.shown("lexus", "ja") is None
    assert none.next_opening("lexus", japan(3, 3)) is None


def test_customers_read_them():
    assert HOURS.shown("lexus", "ja") == "月～金曜日 9:30～17:30、土曜日 10:00～12:00"
    assert HOURS.shown("lexus", "en") == "Mon–Fri 9:30–17:30; Sat 10:00–12:00"
    assert StaffedHours.parse("*=mon,wed 9:00-12:00").shown("g-link", "ja") == "月・水曜日 9:00～12:00"
    assert StaffedHours.parse("*=sun 0:00-24:00").shown(None, "en") == "Sun 0:00–24:00"
    assert day_and_time(japan(24, 10), "ja") == "11月24日（火）10:00"
    assert day_and_time(japan(24, 10), "en") == "Tue 24 Nov, 10:00"


@pytest.mark.parametrize(
    "raw", ["lexus", "lexus=mon-fri", "lexus=mon-fri 9-17", "lexus=mun 9:00-10:00", "*=mon 17:00-9:00", "*=mon 9:00-25:00"]
)
def test_what_cannot_be_read_is_refused_by_its_name(raw):
    with pytest.raises(SettingError, match="MADOGUCHI_STAFFED_HOURS"):
        Settings.load({"MADOGUCHI_STAFFED_HOURS": raw})
