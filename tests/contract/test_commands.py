"""The product's command and Rasa's own work in the repository as their users expect."""

import json
import os
import socket
import subprocess
import sys

import pytest

from madoguchi.settings import ROOT, SettingError, Settings
from madoguchi.supervisor import content_hash, environment, model_path


def rasa(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "rasa", *arguments], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )


def test_rasa_data_validate():
    done = rasa("data", "validate")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "No story structure conflicts found" in done.stderr + done.stdout


def test_rasa_test_on_the_stories(tmp_path):
    if not model_path().exists():
        pytest.skip("no model is trained for the present content; make test trains one first")
    done = rasa(
        "test",
        "core",
        "--model",
        str(model_path()),
        "--stories",
        "tests/test_stories.yml",
        "--out",
        str(tmp_path),
        "--no-plot",
        "--no-warnings",
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((tmp_path / "story_report.json").read_text())
    assert report["accuracy"] == 1.0, (tmp_path / "failed_test_stories.yml").read_text()


def test_a_busy_port_is_said_in_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        variables = {**os.environ, "MADOGUCHI_RASA_PORT": str(port), "MADOGUCHI_DATA_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-m", "madoguchi", "run"], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr.strip() == f"madoguchi: port {port} is taken; stop what listens there or set MADOGUCHI_RASA_PORT"


@pytest.mark.parametrize("port", ["x", "0", "70000", "-1"])
def test_a_bad_port_is_named(port):
    with pytest.raises(SettingError, match="MADOGUCHI_ACTION_PORT"):
        Settings.load({"MADOGUCHI_ACTION_PORT": port})


def test_keys_are_made_once_and_kept(tmp_path, monkeypatch):
    monkeypatch.delenv("MADOGUCHI_ACTION_KEY", raising=False)
    settings = Settings.load({"MADOGUCHI_DATA_DIR": str(tmp_path)})
    assert len(settings.action_key) >= 32
    assert settings.action_key == Settings.load({"MADOGUCHI_DATA_DIR": str(tmp_path)}).action_key
    assert settings.action_key != settings.erasure_key
    assert (tmp_path / "action.key").stat().st_mode & 0o077 == 0


def test_the_hash_is_of_content_and_not_of_dates(tmp_path):
    for name in ("config.yml", "domain.yml", "requirements.txt"):
        (tmp_path / name).write_text(name)
    for name in ("data", "policies", "madoguchi/nlu", "madoguchi/understanding", "madoguchi/text", "madoguchi/corpus"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "a.yml").write_text("a")
    before = content_hash(tmp_path)
    os.utime(tmp_path / "data" / "a.yml", (1, 1))
    assert content_hash(tmp_path) == before
    (tmp_path / "data" / "a.yml").write_text("b")
    assert content_hash(tmp_path) != before
