"""The gateway's own sentences."""

from pathlib import Path

from madoguchi.answers.phrases import Phrases

say = Phrases(Path(__file__).with_name("phrases.yml"))
"""`say(name, language, …)`; the sentences stand in phrases.yml."""
