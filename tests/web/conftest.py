"""A gateway with a stand-in for Rasa."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .client import GENEROUS, Gateway, Rasa, alone


@pytest.fixture(scope="session")
def stub() -> Iterator[Rasa]:
    """The stand-in that `gateway` talks to; tests use texts of their own."""
    rasa = Rasa().start()
    yield rasa
    rasa.kill()


@pytest.fixture(scope="session")
def gateway(stub: Rasa, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway process with high limits, for tests that do not end it."""
    with alone(tmp_path_factory.mktemp("gateway"), stub, **GENEROUS) as made:
        yield made


@pytest.fixture
def rasa() -> Iterator[Rasa]:
    """A stand-in of the test's own that is not there yet: `start` it."""
    made = Rasa()
    yield made
    made.kill()
