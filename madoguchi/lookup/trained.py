"""The trained model of the assistant, read from its archive without Rasa, in the background."""

from __future__ import annotations

import json
import logging
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from madoguchi.corpus import Corpus

if TYPE_CHECKING:
    from madoguchi.understanding.understand import Understanding

logger = logging.getLogger(__name__)

ModelState = Literal["none", "loading", "ready", "failed"]

_COMPONENT = "InquiryClassifier"
_ENCODER = "use"
_LOOK_EVERY = 2.0


def read(archive: Path, corpus: Corpus) -> Understanding:
    """Read the understanding out of a model of `rasa train`.

    Raises:
        OSError, tarfile.TarError, KeyError, ValueError: it is not one.
        EncoderError: its encoder is not installed.
    """
    from madoguchi.understanding import choices
    from madoguchi.understanding.encoder import encoder_named
    from madoguchi.understanding.learned import Model
    from madoguchi.understanding.understand import Understanding

    encoder = _ENCODER
    with tempfile.TemporaryDirectory(prefix="madoguchi-model-") as name, tarfile.open(archive) as packed:
        folder = Path(name)
        for member in packed:
            path = Path(member.name)
            if not member.isfile() or not (content := packed.extractfile(member)):
                continue
            if _COMPONENT in path.parent.name:
                # By its last name alone: an archive cannot write anywhere else.
                (folder / path.name).write_bytes(content.read())
            elif path.name == "metadata.json":
                encoder = _encoder_of(json.load(content))
        model = Model.load(folder)
    return Understanding(corpus, model, encoder_named(encoder), choices.table(corpus))


def _encoder_of(metadata: dict[str, object]) -> str:
    """The encoder that the classifier was trained with, by the archive's description."""
    schema = metadata.get("train_schema")
    nodes = schema.get("nodes", {}) if isinstance(schema, dict) else {}
    configs = [node.get("config") or {} for name, node in nodes.items() if _COMPONENT in name]
    return next((str(config["encoder"]) for config in configs if "encoder" in config), _ENCODER)


class Trained:
    """Loads the model once, when it is started, and waits for it where it is still being trained."""

    def __init__(self, corpus: Corpus, archive: Path | None, ready: Callable[[Understanding], None]) -> None:
        """Nothing is loaded yet.

        Args:
            archive: the model; None where there is none to be expected.
            ready: called, in another thread, as soon as it is there.
        """
        self._corpus = corpus
        self._archive = archive
        self._ready = ready
        self.state: ModelState = "loading" if archive else "none"

    def start(self) -> None:
        """Begin to load."""
        if self._archive is not None:
            threading.Thread(target=self._load, args=(self._archive,), name="look-up model", daemon=True).start()

    def _load(self, archive: Path) -> None:
        while not archive.exists():
            time.sleep(_LOOK_EVERY)
        started = time.monotonic()
        try:
            self._ready(read(archive, self._corpus))
        except Exception:  # whatever is wrong with it, the word search goes on and the page says so
            logger.exception("the look-up's model %s cannot be read", archive.name)
            self.state = "failed"
            return
        self.state = "ready"
        logger.info("the look-up's model is loaded", extra={"seconds": round(time.monotonic() - started, 1)})
