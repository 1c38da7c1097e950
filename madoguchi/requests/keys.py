"""The key ring: what personal fields are sealed with, and the keys of look-ups, codes and the audit log."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from madoguchi import MadoguchiError
from madoguchi.store import utc_now

_BYTES = 32
RETIRED_FOR = timedelta(days=1)
"""A process that read the ring earlier may seal with an older key for a moment; after this time none does."""


class KeyRingError(MadoguchiError):
    """The key ring cannot be used; the message holds no key."""


@dataclass(frozen=True)
class DataKey:
    """A key for personal fields, and since when it is there."""

    key: bytes
    made_at: datetime


@dataclass(frozen=True)
class _Keys:
    data: Mapping[str, DataKey]
    index: bytes
    audit: bytes
    codes: bytes


class KeyRing:
    """Keys by their ids, from a file or from a text.

    Written as YAML (or JSON), keys in base64:

        data: {k1: {key: …, made_at: 2026-11-01T00:00:00+00:00}}
        index: …
        audit: …
        codes: …

    All keys have 32 bytes and differ. The newest of `data` seals; the others only open. A ring from a file notices when the file
    changes, so that a key added by one process is used by all.
    """

    def __init__(self, text: str | None = None, path: Path | None = None) -> None:
        """Take a ring as it stands; `from_text` and `from_file` say more.

        Raises:
            KeyRingError: it cannot be read.
        """
        self._path = path
        self._lock = threading.Lock()
        self._stamp = self._stamped()
        self._keys = _parsed(text if text is not None else self._read(), self._where)

    @classmethod
    def from_text(cls, text: str) -> KeyRing:
        """A ring out of an environment variable; keys are added to it by whoever sets the variable.

        Raises:
            KeyRingError: it cannot be read.
        """
        return cls(text=text)

    @classmethod
    def from_file(cls, path: Path) -> tuple[KeyRing, bool]:
        """The ring in a file, and whether it was made just now, which a person should hear: without the file, nothing can be opened.

        The file is made with mode 0600; where several processes make it at once, all use that of the first.

        Raises:
            KeyRingError: it cannot be read or written.
        """
        if path.exists():
            return cls(path=path), False
        data = {"k1": {"key": _made(), "made_at": utc_now().isoformat()}}
        ring = {"data": data, "index": _made(), "audit": _made(), "codes": _made()}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = _written(path, ring)
            try:
                os.link(made, path)  # one process wins; the others read its ring
            except FileExistsError:
                return cls(path=path), False
            finally:
                made.unlink()
        except OSError as error:
            raise KeyRingError(f"{path}: the key ring cannot be written: {error.strerror}") from error
        return cls(path=path), True

    @property
    def newest(self) -> str:
        """The id of the key that seals."""
        self._reload_if_changed()
        data = self._keys.data
        return max(data, key=lambda key_id: (data[key_id].made_at, key_id))

    def data_key(self, key_id: str) -> bytes:
        """A key for personal fields.

        Raises:
            KeyRingError: the ring has none of that id.
        """
        if key_id not in self._keys.data:
            self._reload_if_changed()
        try:
            return self._keys.data[key_id].key
        except KeyError:
            raise KeyRingError(f"{self._where}: there is no data key {key_id}; put the ring back that held it") from None

    @property
    def index_key(self) -> bytes:
        """The key of blind indices."""
        return self._keys.index

    @property
    def audit_key(self) -> bytes:
        """The key of the audit log's chain."""
        return self._keys.audit

    @property
    def code_key(self) -> bytes:
        """The key under which codes are kept."""
        return self._keys.codes

    def add_key(self) -> str:
        """Add a data key, which seals from now on; returns its id.

        Raises:
            KeyRingError: the ring is not in a file, or the file cannot be written.
        """
        self._reload_if_changed()
        numbers = [int(key_id[1:]) for key_id in self._keys.data if key_id[:1] == "k" and key_id[1:].isdecimal()]
        key_id = f"k{max(numbers, default=0) + 1}"
        data = {**self._shown()["data"], key_id: {"key": _made(), "made_at": utc_now().isoformat()}}
        self._replace(self._shown() | {"data": data})
        return key_id

    def droppable(self, in_use: frozenset[str]) -> tuple[str, ...]:
        """Data keys that no row uses and that have not sealed for a day."""
        self._reload_if_changed()
        data = self._keys.data
        newer_since = {
            key_id: min((other.made_at for other in data.values() if other.made_at > data[key_id].made_at), default=None) for key_id in data
        }
        return tuple(
            key_id
            for key_id, since in sorted(newer_since.items())
            if key_id not in in_use and since is not None and since < utc_now() - RETIRED_FOR
        )

    def drop(self, key_ids: tuple[str, ...]) -> None:
        """Take data keys out of the file for good.

        Raises:
            KeyRingError: as for `add_key`.
        """
        if key_ids:
            data = {key_id: key for key_id, key in self._shown()["data"].items() if key_id not in key_ids}
            self._replace(self._shown() | {"data": data})

    @property
    def _where(self) -> str:
        return str(self._path or "MADOGUCHI_KEYS")

    def _shown(self) -> dict[str, Any]:
        keys = self._keys
        return {
            "data": {key_id: {"key": _shown(key.key), "made_at": key.made_at.isoformat()} for key_id, key in keys.data.items()},
            "index": _shown(keys.index),
            "audit": _shown(keys.audit),
            "codes": _shown(keys.codes),
        }

    def _replace(self, ring: Mapping[str, Any]) -> None:
        if self._path is None:
            raise KeyRingError(f"{self._where}: keys are changed where the variable is set; add a key of a later made_at there and restart")
        try:
            _written(self._path, ring).replace(self._path)
        except OSError as error:
            raise KeyRingError(f"{self._where}: the key ring cannot be written: {error.strerror}") from error
        self._reload_if_changed()

    def _read(self) -> str:
        assert self._path is not None
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyRingError(f"{self._path}: the key ring cannot be read ({type(error).__name__})") from None

    def _stamped(self) -> tuple[int, int] | None:
        if self._path is None:
            return None
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino

    def _reload_if_changed(self) -> None:
        stamp = self._stamped()
        if stamp is None or stamp == self._stamp:
            return
        with self._lock:
            self._keys = _parsed(self._read(), self._where)
            self._stamp = stamp


def _made() -> str:
    return _shown(secrets.token_bytes(_BYTES))


def _shown(key: bytes) -> str:
    return base64.b64encode(key).decode()


def _written(path: Path, ring: Mapping[str, Any]) -> Path:
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(dict(ring), file, sort_keys=False)
        file.flush()
        os.fsync(file.fileno())
    return made


def _parsed(text: str, where: str) -> _Keys:
    raw: Any = None
    with contextlib.suppress(yaml.YAMLError):  # its message would quote the text, and the text is keys
        raw = yaml.safe_load(text)
    if not isinstance(raw, Mapping) or not isinstance(raw.get("data"), Mapping) or not raw["data"]:
        raise KeyRingError(f"{where}: a key ring has `data`, `index`, `audit` and `codes`")
    data = {}
    for key_id, entry in raw["data"].items():
        if not (isinstance(key_id, str) and key_id.isalnum() and len(key_id) <= 16 and isinstance(entry, Mapping)):
            raise KeyRingError(f"{where}: a data key is written as `k1: {{key: …, made_at: …}}`")
        data[key_id] = DataKey(_bytes(entry.get("key"), where, key_id), _time(entry.get("made_at"), where, key_id))
    others = {name: _bytes(raw.get(name), where, name) for name in ("index", "audit", "codes")}
    keys = [*(key.key for key in data.values()), *others.values()]
    if len(set(keys)) != len(keys):
        raise KeyRingError(f"{where}: two keys of the ring are the same; each has to be random by itself")
    return _Keys(data=data, **others)


def _bytes(raw: Any, where: str, name: str) -> bytes:
    with contextlib.suppress(binascii.Error, ValueError):
        key = base64.b64decode(raw, validate=True) if isinstance(raw, str) else b""
        if len(key) == _BYTES:
            return key
    raise KeyRingError(f"{where}: the key {name} is not {_BYTES} bytes in base64")


def _time(raw: Any, where: str, name: str) -> datetime:
    with contextlib.suppress(ValueError, TypeError):
        made_at = raw if isinstance(raw, datetime) else datetime.fromisoformat(raw)
        if made_at.tzinfo is not None:
            return made_at
    raise KeyRingError(f"{where}: made_at of the key {name} is not a time with its zone, such as 2026-11-01T00:00:00+00:00")
