"""Runs Rasa's command line without TensorFlow, of which no component of ours uses any part.

Rasa imports TensorFlow in each process, for the classifiers and policies that are built on it: 400 of 860 MB, and a third of the time
until it is ready. Where `config.yml` names none of these, a stand-in takes its place: modules whose names lead to empty classes, which
is enough for Rasa's own modules to be imported. `rasa …` on the command line is as it always was.
"""

from __future__ import annotations

import gc
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

_PACKAGES = frozenset({"tensorflow", "tensorflow_addons", "tensorflow_hub", "tensorflow_text", "keras"})
_WITHOUT = frozenset({"RulePolicy", "MemoizationPolicy", "AugmentedMemoizationPolicy", "RegexMessageHandler", "FallbackClassifier"})
"""Components of Rasa that do not use TensorFlow; ours are named by their modules."""


class _Kind(type):
    """The class of the stand-in's classes: whatever is looked up in one is one too."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls

    def __getitem__(cls, _: Any) -> Any:
        return cls


class _Nothing(metaclass=_Kind):
    """Stands for a class, a decorator, a constant or a function of TensorFlow; as a decorator it leaves alone what it decorates."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is not _Nothing:
            raise RuntimeError(f"{cls.__name__} needs TensorFlow, which this process runs without: start Rasa by its own command line")
        return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else cls


class _Module(ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Nothing


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self, is_package=True) if fullname.partition(".")[0] in _PACKAGES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""


def needs_tensorflow(config: Path) -> bool:
    """Whether a config.yml may lead to TensorFlow: it names a component of Rasa's beside those known not to, or leaves Rasa the choice."""
    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    parts = content.get("pipeline"), content.get("policies")
    return any(not part or any(not _is_known(component["name"]) for component in part) for part in parts)


def _is_known(name: str) -> bool:
    return name in _WITHOUT or name.startswith("madoguchi.")


def main() -> None:
    """`python -m madoguchi.lean …` is `rasa …`."""
    if "run" in sys.argv[1:2]:
        gc.disable()  # hardly anything of a start becomes garbage; our channel enables it when the server is ready
    if not needs_tensorflow(Path("config.yml")):
        sys.meta_path.insert(0, _Finder())
    from rasa.__main__ import main as rasa

    rasa()


if __name__ == "__main__":
    main()
