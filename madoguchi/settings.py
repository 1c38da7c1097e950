"""Every setting, from the environment, with its default; read when it is needed and checked at start."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from madoguchi import MadoguchiError
from madoguchi.hours import StaffedHours

ROOT = Path(__file__).resolve().parents[1]


class SettingError(MadoguchiError):
    """An environment variable has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class RoleRule:
    """Who has a value in their claim has this role at these companies."""

    value: str
    role: str
    companies: tuple[str, ...]


@dataclass(frozen=True)
class Oidc:
    """The identity provider that staff may sign in by.

    Attributes:
        client_secret: None for a public client.
        claim: of the ID token, that holds groups or the like.
        roles: the first whose value a claim holds decides the role; the companies of all with that role add up.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    claim: str
    roles: tuple[RoleRule, ...]


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
        require_totp: whether staff who sign in by a password need a second factor.
        password_sign_in: whether staff may sign in by a password; always where there is no identity provider.
        oidc: the identity provider that staff may sign in by.
        workers: processes of the gateway and the console.
        database_url: of the gateway's database; Rasa's tracker is kept apart from it.
        operator: who operates the assistant, as customers read it; None where it was not set.
        keep_days: days without activity after which a conversation is deleted.
        origins: by company id, the origins whose pages may hold its chat.
        keys, keys_file: the key ring of tickets, as a text or in a file that is made on first use.
        keep_request_days: days after the end of a ticket until its personal fields are destroyed.
        target_days: by company id, the business days within which it means to answer a request; no target for others.
        smtp_url, mail_from: how mails go and whom they come from; None: into the folder `outbox` of the data directory.
        limits: messages a minute of a conversation and of an address, and open conversations of an address.
        staffed_hours: when staff answer live chats, by company.
        wait_minutes: after which a customer who waits for staff is told that nobody has come yet.
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
    require_totp: bool
    password_sign_in: bool
    oidc: Oidc | None
    workers: int
    database_url: str
    operator: str | None
    keep_days: int
    origins: Mapping[str, tuple[str, ...]]
    keys: str | None
    keys_file: Path
    keep_request_days: int
    target_days: Mapping[str, int]
    smtp_url: str | None
    mail_from: str
    limits: tuple[int, int, int]
    staffed_hours: StaffedHours
    wait_minutes: int

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read the settings.

        Raises:
            SettingError: a value cannot be used; the message names its variable.
        """
        environment = os.environ if environment is None else environment
        data_dir = Path(environment.get("MADOGUCHI_DATA_DIR", ROOT / ".madoguchi"))
        oidc = _oidc(environment)
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
            require_totp=_flag(environment, "MADOGUCHI_REQUIRE_TOTP", False),
            password_sign_in=_flag(environment, "MADOGUCHI_PASSWORD_SIGN_IN", True) or oidc is None,
            oidc=oidc,
            workers=_number(environment, "MADOGUCHI_WORKERS", 1, 64),
            database_url=environment.get("DATABASE_URL") or f"sqlite:///{data_dir.absolute() / 'madoguchi.db'}",
            operator=environment.get("OPERATOR_NAME", "").strip() or None,
            keep_days=_number(environment, "MADOGUCHI_KEEP_DAYS", 30, 3650),
            origins=_origins(environment.get("MADOGUCHI_ORIGINS", "")),
            keys=environment.get("MADOGUCHI_KEYS") or None,
            keys_file=Path(environment.get("MADOGUCHI_KEYS_FILE", data_dir / "keys.yml")),
            keep_request_days=_number(environment, "MADOGUCHI_KEEP_REQUEST_DAYS", 365, 3650),
            target_days=_target_days(environment.get("MADOGUCHI_TARGET_DAYS", "")),
            smtp_url=environment.get("MADOGUCHI_SMTP_URL") or None,
            mail_from=environment.get("MADOGUCHI_MAIL_FROM", "madoguchi@localhost"),
            limits=(
                _number(environment, "MADOGUCHI_MESSAGES_A_MINUTE", 20, 100_000),
                _number(environment, "MADOGUCHI_ADDRESS_MESSAGES_A_MINUTE", 120, 1_000_000),
                _number(environment, "MADOGUCHI_ADDRESS_CONVERSATIONS", 40, 1_000_000),
            ),
            staffed_hours=_hours(environment.get("MADOGUCHI_STAFFED_HOURS", "")),
            wait_minutes=_number(environment, "MADOGUCHI_WAIT_MINUTES", 5, 1440),
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


def _flag(environment: Mapping[str, str], name: str, default: bool) -> bool:
    raw = environment.get(name) or ("1" if default else "0")
    if raw not in ("0", "1"):
        raise SettingError(f"{name}={raw!r}: it has to be 0 or 1")
    return raw == "1"


_ROLES = ("operator", "privacy_officer", "auditor", "admin")


def _oidc(environment: Mapping[str, str]) -> Oidc | None:
    issuer, client_id = (environment.get(f"MADOGUCHI_OIDC_{name}", "").strip() for name in ("ISSUER", "CLIENT_ID"))
    if not issuer and not client_id:
        return None
    if not issuer or not client_id:
        raise SettingError("MADOGUCHI_OIDC_ISSUER and MADOGUCHI_OIDC_CLIENT_ID are set together")
    parts = urlsplit(issuer)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost"))):
        raise SettingError(f"MADOGUCHI_OIDC_ISSUER={issuer!r}: it has to be an https:// address")
    secret, file = environment.get("MADOGUCHI_OIDC_CLIENT_SECRET") or None, environment.get("MADOGUCHI_OIDC_CLIENT_SECRET_FILE")
    if file:
        try:
            secret = Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"MADOGUCHI_OIDC_CLIENT_SECRET_FILE={file!r} cannot be read ({type(error).__name__})") from None
    claim = environment.get("MADOGUCHI_OIDC_CLAIM", "").strip() or "groups"
    return Oidc(issuer, client_id, secret, claim, _role_rules(environment.get("MADOGUCHI_OIDC_ROLES", "")))


def _role_rules(raw: str) -> tuple[RoleRule, ...]:
    """Read `call-centre=operator:lexus,jamil; privacy-jamil=privacy_officer:jamil; it=admin`."""
    rules = []
    for part in filter(None, (piece.strip() for piece in raw.split(";"))):
        value, equals, given = part.partition("=")
        role, _, listed = given.partition(":")
        companies = tuple(filter(None, (company.strip() for company in listed.split(","))))
        needs_companies = role.strip() in ("operator", "privacy_officer")
        if not equals or role.strip() not in _ROLES or (needs_companies and not companies):
            raise SettingError(
                f"MADOGUCHI_OIDC_ROLES: {part!r} is not of the form VALUE=ROLE:COMPANY,COMPANY with a role of {', '.join(_ROLES)}; "
                "operators and privacy officers have companies; several are parted by ';'"
            )
        rules.append(RoleRule(value.strip(), role.strip(), companies))
    return tuple(rules)


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    return _number(environment, name, default, 65535)


def _hours(raw: str) -> StaffedHours:
    try:
        return StaffedHours.parse(raw)
    except ValueError as error:
        raise SettingError(f"MADOGUCHI_STAFFED_HOURS: {error}") from error


def _target_days(raw: str) -> Mapping[str, int]:
    """Read `lexus=10; jamil=14`."""
    found: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in raw.split(";"))):
        company, _, days = (piece.strip() for piece in part.partition("="))
        if not company or not days.isdecimal() or not 0 < int(days) <= 365:
            raise SettingError(f"MADOGUCHI_TARGET_DAYS: {part!r} is not of the form COMPANY=BUSINESS-DAYS, with several parted by ';'")
        found[company] = int(days)
    return found


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
