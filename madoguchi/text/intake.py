"""The one way in for a typed text."""

from typing import NamedTuple

from .cleaning import clean
from .masking import mask


class Intake(NamedTuple):
    """A message as it may be stored and understood.

    Attributes:
        text: cleaned and masked; empty where nothing readable was typed.
        masked: kinds of personal data that were taken out, for the notice to the customer.
    """

    text: str
    masked: tuple[str, ...]


def take_in(text: str) -> Intake:
    """Clean and mask a typed text; applying it twice changes nothing more.

    Raises:
        TextTooLongError: more than `MAX_ACCEPTED` characters.
    """
    return Intake(*mask(clean(text)))
