"""Rasa's command line without TensorFlow, and when it may run so."""

import asyncio
import gc
import subprocess
import sys

import pytest

from madoguchi.channel.rest import MadoguchiInput
from madoguchi.lean import needs_tensorflow
from madoguchi.settings import ROOT

_RUN = """
import sys
from madoguchi import lean
sys.meta_path.insert(0, lean._Finder())
import rasa.core.run, rasa.server, rasa.engine.recipes.default_components
from rasa.nlu.classifiers.diet_classifier import DIETClassifier
from rasa.utils.tensorflow.models import RasaModel
files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
assert not any("/site-packages/tensorflow/" in file for file in files)
try:
    RasaModel()
except RuntimeError as error:
    print(error)
"""


def test_rasa_is_imported_without_tensorflow_and_what_needs_it_says_so():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", _RUN], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("RasaModel needs TensorFlow")


def test_the_products_own_configuration_runs_without():
    assert not needs_tensorflow(ROOT / "config.yml")


@pytest.mark.parametrize("part", ["pipeline: [{name: DIETClassifier}]", "policies: [{name: TEDPolicy}]", "pipeline: [{name: other.Thing}]"])
def test_anything_else_gets_tensorflow(tmp_path, part):
    config = tmp_path / "config.yml"
    config.write_text(f"recipe: default.v1\nlanguage: ja\n{part}\n", encoding="utf-8")
    assert needs_tensorflow(config)


def test_components_that_are_left_out_get_rasas_own_choice(tmp_path):
    """Without `policies`, or with none, Rasa puts its own there, TensorFlow's among them."""
    config = tmp_path / "config.yml"
    config.write_text(
        "recipe: default.v1\nlanguage: ja\npipeline: [{name: madoguchi.nlu.tokenizer.JapaneseEnglishTokenizer}]\npolicies: null\n"
    )
    assert needs_tensorflow(config)


def test_the_channel_has_garbage_looked_for_again_and_only_in_what_is_new():
    listeners = {future.event: future.listener for future in MadoguchiInput(None, "key").blueprint(None)._future_listeners}
    before = gc.get_threshold()
    gc.disable()
    try:
        asyncio.run(listeners["after_server_start"](None, None))
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()
        gc.set_threshold(*before)
