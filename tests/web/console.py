"""What the tests of the console share: accounts of each role, and somebody signed in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import httpx

from madoguchi.accounts.passwords import hashed
from madoguchi.accounts.service import new_account
from madoguchi.requests import Role
from madoguchi.store import Database, utc_now

PASSWORD = "a long enough password"
COMPANIES = ("lexus", "g-link", "jamil", "infiniti", "jin-jidosha")
ROLES: tuple[Role, ...] = ("operator", "privacy_officer", "auditor", "admin")


def account(database: str, name: str, role: Role, companies: Iterable[str] = COMPANIES, lang: str = "en") -> str:
    """Make an account beside a running gateway; returns its id."""
    made = new_account(name, role, companies, name.title(), lang, utc_now(), password_hash=_kept())  # type: ignore[arg-type]
    with Database(database).write() as session:
        session.add(made)
    return str(made.id)


@lru_cache(maxsize=1)
def _kept() -> str:
    return hashed(PASSWORD)


class Member:
    """Somebody signed in to the console."""

    def __init__(self, port: int, name: str, password: str = PASSWORD) -> None:
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=40, trust_env=False, verify=False)
        response = self.http.post("/sign-in", data={"name": name, "password": password})
        assert response.status_code == 303, response.text
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', self.http.get("/").text)[1]  # type: ignore[index]

    def get(self, path: str, **params: Any) -> httpx.Response:
        return self.http.get(path, params=params)

    def post(self, path: str, piece: bool = False, **fields: Any) -> httpx.Response:
        headers = {"HX-Request": "true"} if piece else {}
        return self.http.post(path, data={"csrf": self.csrf, **fields}, headers=headers)
