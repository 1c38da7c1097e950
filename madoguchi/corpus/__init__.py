"""The corpus of policies: clauses, gaps and the questions customers ask. No Rasa and no database in here."""

from .model import Clause, Company, Corpus, Document, Entry, Facet, Gap, Point, Text, Topic
from .reading import CorpusError, corpus_hash, folder_hash, load, shared_corpus

__all__ = [
    "Clause",
    "Company",
    "Corpus",
    "CorpusError",
    "Document",
    "Entry",
    "Facet",
    "Gap",
    "Point",
    "Text",
    "Topic",
    "corpus_hash",
    "folder_hash",
    "load",
    "shared_corpus",
]
