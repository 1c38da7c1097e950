"""Every setting, from the environment, with its default; read when it is needed and checked at start."""

from __future__ import annotations

import os
import re
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
        rasa_port, action_port, metrics_port: on the loopback address.
        channel_key: where set, callers of the channel have to send it as `X-Madoguchi-Key`; the erasure route always needs a key.
        host, port: where the gateway listens for customers.
        public_url: the gateway's address as customers reach it, with a slash at its end.
        console_host, console_port: where the staff console listens.
        console_url: the console's address as staff reach it, with a slash at its end.
        workers: processes of the gateway and the console.
        database_url: of the gateway's database; Rasa's tracker is kept apart from it.
        operator: who operates the assistant, as customers read it; None where it was not set.
        keep_days: days without activity after which a conversation is deleted.
        origins: by company id, the origins whose pages may hold its chat.
        keys, keys_file: the key ring of tickets, as a text or in a file that is made on first use.
        keep_request_days: days after the end of a ticket until its personal fields are destroyed.
        smtp_url, mail_from: how mails go and whom they come from; None: into the folder `outbox` of the data directory.
        limits: messages a minute of a conversation and of an address, and open conversations of an address.
    """

    data_dir: Path
    rasa_port: int
    action_port: int
    metrics_port: int
    channel_key: str | None
    host: str
    port: int
    public_url: str
    console_host: str
    console_port: int
    console_url: str
    workers: int
    database_url: str
    operator: str | None
    keep_days: int
    origins: Mapping[str, tuple[str, ...]]
    keys: str | None
    keys_file: Path
    keep_request_days: int
    smtp_url: str | None
    mail_from: str
    limits: tuple[int, int, int]

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises:
            SettingError: a value cannot be used; the message names its variable.
        """
        environment = os.environ if environment is None else environment
        data_dir = Path(environment.get("MADOGUCHI_DATA_DIR", ROOT / ".madoguchi"))
        return cls(
            data_dir=data_dir,
            rasa_port=_port(environment, "MADOGUCHI_RASA_PORT", 5005),
            action_port=_port(environment, "MADOGUCHI_ACTION_PORT", 5055),
            metrics_port=_port(environment, "MADOGUCHI_METRICS_PORT", 9464),
            channel_key=environment.get("MADOGUCHI_CHANNEL_KEY") or None,
            host=environment.get("MADOGUCHI_HOST", "127.0.0.1"),
            port=_port(environment, "MADOGUCHI_PORT", 8080),
            public_url=environment.get("MADOGUCHI_PUBLIC_URL", f"http://127.0.0.1:{environment.get('MADOGUCHI_PORT', '8080')}").rstrip("/")
            + "/",
            console_host=environment.get("MADOGUCHI_CONSOLE_HOST", "127.0.0.1"),
            console_port=_port(environment, "MADOGUCHI_CONSOLE_PORT", 8081),
            console_url=environment.get(
                "MADOGUCHI_CONSOLE_URL", f"http://127.0.0.1:{environment.get('MADOGUCHI_CONSOLE_PORT', '8081')}"
            ).rstrip("/")
            + "/",
            workers=_number(environment, "MADOGUCHI_WORKERS", 1, 64),
            database_url=environment.get("DATABASE_URL") or f"sqlite:///{data_dir.absolute() / 'madoguchi.db'}",
            operator=environment.get("OPERATOR_NAME", "").strip() or None,
            keep_days=_number(environment, "MADOGUCHI_KEEP_DAYS", 30, 3650),
            origins=_origins(environment.get("MADOGUCHI_ORIGINS", "")),
            keys=environment.get("MADOGUCHI_KEYS") or None,
            keys_file=Path(environment.get("MADOGUCHI_KEYS_FILE", data_dir / "keys.yml")),
            keep_request_days=_number(environment, "MADOGUCHI_KEEP_REQUEST_DAYS", 365, 3650),
            smtp_url=environment.get("MADOGUCHI_SMTP_URL") or None,
            mail_from=environment.get("MADOGUCHI_MAIL_FROM", "madoguchi@localhost"),
            limits=(
                _number(environment, "MADOGUCHI_MESSAGES_A_MINUTE", 20, 100_000),
                _number(environment, "MADOGUCHI_ADDRESS_MESSAGES_A_MINUTE", 120, 1_000_000),
                _number(environment, "MADOGUCHI_ADDRESS_CONVERSATIONS", 40, 1_000_000),
            ),
        )

    @property
    def action_key(self) -> str:
        """The key that the action server wants from Rasa: `MADOGUCHI_ACTION_KEY`, else a file made on first use."""
        return os.environ.get("MADOGUCHI_ACTION_KEY") or self._kept("action.key")

    @property
    def erasure_key(self) -> str:
        """The key of the channel's erasure route: the channel's key, else a file made on first use."""
        return self.channel_key or self._kept("channel.key")

    @property
    def address_key(self) -> str:
        """The key under which network addresses are hashed: a file made on first use."""
        return self._kept("address.key")

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


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


def _number(environment: Mapping[str, str], name: str, default: int, highest: int) -> int:
    raw = environment.get(name) or str(default)
    if not raw.isdecimal() or not 0 < int(raw) <= highest:
        raise SettingError(f"{name}={raw!r}: it has to be a number from 1 to {highest}")
    return int(raw)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    return _number(environment, name, default, 65535)


def _origins(raw: str) -> Mapping[str, tuple[str, ...]]:
    """Read `lexus=https://a.example https://b.example; jamil=https://c.example`."""
    origins: dict[str, tuple[str, ...]] = {}
    for part in filter(None, (piece.strip() for piece in raw.split(";"))):
        site, equals, listed = part.partition("=")
        found = tuple(listed.split())
        if not equals or not found or not all(_ORIGIN.fullmatch(origin) for origin in found):
            raise SettingError(
                f"MADOGUCHI_ORIGINS: {part!r} is not of the form SITE=https://host[:port] …, with several sites parted by ';'"
            )
        origins[site.strip()] = found
    return origins
