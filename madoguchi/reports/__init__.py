"""What can be learned from conversations: numbers for reports, and a review of what was misunderstood. Blocking calls; no web in here."""

from .errors import ReviewError
from .numbers import Numbers
from .period import PRESETS, Period, PeriodError
from .review import SOURCES, Accepted, Found, Item, Review
from .scope import Scope

__all__ = ["PRESETS", "SOURCES", "Accepted", "Found", "Item", "Numbers", "Period", "PeriodError", "Review", "ReviewError", "Scope"]
