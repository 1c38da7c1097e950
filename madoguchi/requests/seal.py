"""Sealing of personal fields (AES-256-GCM, bound to table, column, row and key) and the blind index they are found by."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from dataclasses import dataclass

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy.orm import Session

from madoguchi import MadoguchiError
from madoguchi.store import Database

from .keys import KeyRing
from .tables import SealedField, SealedSecret

_SEALED = (SealedField, SealedSecret)
_NONCE_BYTES = 12
_BATCH = 200


class SealError(MadoguchiError):
    """A sealed field does not open: it was altered or moved, or the key is another one. The message names no value."""


@dataclass(frozen=True)
class Rotation:
    """What a rotation did: fields sealed anew, and keys that were taken out of the ring."""

    resealed: int
    dropped: tuple[str, ...]


class Seals:
    """Puts personal fields of tickets into their rows and reads them."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def put(self, session: Session, ticket_id: str, name: str, value: str, position: int = 0) -> None:
        """Seal a value into its row, in place of what the row held."""
        row = SealedField(ticket_id=ticket_id, name=name, position=position)
        self._seal(row, value)
        session.merge(row)

    def read(self, session: Session, ticket_id: str, name: str, position: int = 0) -> str | None:
        """A field's value; None where there is none.

        Raises:
            SealError: the row was altered or moved.
        """
        row = session.get(SealedField, (ticket_id, name, position))
        return None if row is None else self.open(row)

    def put_secret(self, session: Session, owner: str, name: str, value: str) -> None:
        """Seal a secret that belongs to no ticket, in place of what its row held."""
        row = SealedSecret(owner=owner, name=name)
        self._seal(row, value)
        session.merge(row)

    def read_secret(self, session: Session, owner: str, name: str) -> str | None:
        """A secret that belongs to no ticket; None where there is none.

        Raises:
            SealError: the row was altered or moved.
        """
        row = session.get(SealedSecret, (owner, name))
        return None if row is None else self.open(row)

    def open(self, row: SealedField | SealedSecret) -> str:
        """The value in a row.

        Raises:
            SealError: the row was altered or moved.
        """
        cipher = AESGCM(self._ring.data_key(row.key_id))
        try:
            return cipher.decrypt(row.nonce, row.ciphertext, _binding(row)).decode()
        except InvalidTag:
            raise SealError(f"the sealed field {row.name} does not open: it was altered or moved, or its key changed") from None

    def blind_index(self, company: str, kind: str, value: str) -> str:
        """The keyed hash of a value, the same for the same value of the same company, whatever its width and case."""
        folded = unicodedata.normalize("NFKC", value).strip().casefold()
        return hmac.new(self._ring.index_key, f"{company}\0{kind}\0{folded}".encode(), hashlib.sha256).hexdigest()

    def rotate(self, database: Database, add_key: bool = True) -> Rotation:
        """Seal every field anew with the newest key, batch by batch, while others read and write.

        Keys that no row uses any more leave the ring once they have not sealed for a day: at the next rotation.

        Args:
            database: migrated.
            add_key: whether to add a key first; not possible where the ring is not in a file.

        Raises:
            SealError: a field does not open; what was sealed anew before it stays so.
            KeyRingError: the ring cannot be changed.
        """
        if add_key:
            self._ring.add_key()
        resealed = 0
        while older := _keys_in_use(database) - {self._ring.newest}:
            for key_id in sorted(older):
                while count := self._reseal(database, key_id):
                    resealed += count
        dropped = self._ring.droppable(_keys_in_use(database)) if add_key else ()
        self._ring.drop(dropped)
        return Rotation(resealed, dropped)

    def _reseal(self, database: Database, key_id: str) -> int:
        with database.write() as session:
            count = 0
            for table in _SEALED:
                query = sa.select(table).where(table.key_id == key_id).limit(_BATCH).with_for_update()
                rows = session.execute(query).scalars().all()
                for row in rows:
                    self._seal(row, self.open(row))
                count += len(rows)
            return count

    def _seal(self, row: SealedField | SealedSecret, value: str) -> None:
        row.key_id, row.nonce = self._ring.newest, secrets.token_bytes(_NONCE_BYTES)
        row.ciphertext = AESGCM(self._ring.data_key(row.key_id)).encrypt(row.nonce, value.encode(), _binding(row))


def _keys_in_use(database: Database) -> frozenset[str]:
    with database.read() as session:
        return frozenset(key_id for table in _SEALED for key_id in session.execute(sa.select(table.key_id).distinct()).scalars())


def _binding(row: SealedField | SealedSecret) -> bytes:
    return f"{row.place}|{row.key_id}".encode()
