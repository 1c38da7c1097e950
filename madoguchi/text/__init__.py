"""What happens to a text first: cleaning, language, masking of personal data."""

from .cleaning import MAX_ACCEPTED, MAX_UNDERSTOOD, TextTooLongError, clean, fold
from .intake import Intake, take_in
from .language import language_of
from .masking import PUBLISHED_CONTACTS, mask

__all__ = [
    "MAX_ACCEPTED",
    "MAX_UNDERSTOOD",
    "PUBLISHED_CONTACTS",
    "Intake",
    "TextTooLongError",
    "clean",
    "fold",
    "language_of",
    "mask",
    "take_in",
]
