"""What the tickets say themselves: notice of purpose, names of states and types, what the Act says of the time."""

from pathlib import Path

from madoguchi.answers.phrases import Phrases

phrase = Phrases(Path(__file__).with_name("phrases.yml"))
"""`phrase(name, language, …)`; the sentences stand in phrases.yml."""
