"""Every setting, from the environment, with its default; read when it is needed and checked at start."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from madoguchi import MadoguchiError

ROOT = Path(__file__).resolve().parents[1]


class SettingError(MadoguchiError):
    """An environment variable has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class Settings:
    """Where things are and who may call what.

    Attributes:
        data_dir: keys and databases; ignored by git.
        rasa_port, action_port: both on the loopback address.
        channel_key: where set, callers of the channel have to send it as `X-Madoguchi-Key`; the erasure route always needs a key.
    """

    data_dir: Path
    rasa_port: int
    action_port: int
    channel_key: str | None

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises:
            SettingError: a port is not a number between 1 and 65535.
        """
        environment = os.environ if environment is None else environment
        return cls(
            data_dir=Path(environment.get("MADOGUCHI_DATA_DIR", ROOT / ".madoguchi")),
            rasa_port=_port(environment, "MADOGUCHI_RASA_PORT", 5005),
            action_port=_port(environment, "MADOGUCHI_ACTION_PORT", 5055),
            channel_key=environment.get("MADOGUCHI_CHANNEL_KEY") or None,
        )

    @property
    def action_key(self) -> str:
        """The key that the action server wants from Rasa: `MADOGUCHI_ACTION_KEY`, else a file made on first use."""
        return os.environ.get("MADOGUCHI_ACTION_KEY") or self._kept("action.key")

    @property
    def erasure_key(self) -> str:
        """The key of the channel's erasure route: the channel's key, else a file made on first use."""
        return self.channel_key or self._kept("channel.key")

    def _kept(self, name: str) -> str:
        path = self.data_dir / name
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        made = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(made, path)  # one process wins; the others read its key
        except FileExistsError:
            pass
        finally:
            made.unlink()
        return path.read_text(encoding="ascii").strip()


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    raw = environment.get(name, str(default))
    if not raw.isdigit() or not 0 < int(raw) < 65536:
        raise SettingError(f"{name}={raw!r}: a port is a number from 1 to 65535")
    return int(raw)
