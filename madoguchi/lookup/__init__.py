"""Answer look-up for staff: what the assistant would answer, and a search by words, together. No web and no database in here.

Light to import: what needs the trained model is imported where it is loaded.
"""

from .comparison import Cell, Comparison, Row, Stated, Summary
from .engine import Found, Hit, Lookup, Note
from .letters import Piece, marked
from .saying import Original, Said, Spoken, say_entry
from .trained import ModelState, Trained, read

__all__ = [
    "Cell",
    "Comparison",
    "Found",
    "Hit",
    "Lookup",
    "ModelState",
    "Note",
    "Original",
    "Piece",
    "Row",
    "Said",
    "Spoken",
    "Stated",
    "Summary",
    "Trained",
    "marked",
    "read",
    "say_entry",
]
