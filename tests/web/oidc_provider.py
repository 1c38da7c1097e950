"""A small OpenID Connect provider for tests: signs in whoever `person` says, without asking, and may be told to do it wrongly."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from ..conftest import free_port
from .client import wait_for

CLIENT_ID, CLIENT_SECRET = "madoguchi", "a secret: of/the+client"


@dataclass
class OidcProvider:
    """The provider.

    Attributes:
        person: claims of whoever signs in.
        wrong: claims that take the place of the right ones in the ID token; None leaves one out.
        alter: what is done to the ID token before it is sent.
        refuse: the error that the browser is sent back with.
        asked: the queries of the authorization requests.
    """

    port: int = field(default_factory=free_port)
    person: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    signed_by: str = "own"
    refuse: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "MADOGUCHI_OIDC_ISSUER": self.issuer,
            "MADOGUCHI_OIDC_CLIENT_ID": CLIENT_ID,
            "MADOGUCHI_OIDC_CLIENT_SECRET": CLIENT_SECRET,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def fresh(self, **person: Any) -> OidcProvider:
        """As it is when nothing is wrong, for another person."""
        self.person, self.wrong, self.signed_by, self.refuse = person, {}, "own", None
        return self

    def roll_key(self) -> None:
        """Sign with a new key from now on."""
        self.key = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)})

    async def configuration(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(self, _request: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.asked.append(query)
        assert query["response_type"] == "code" and query["client_id"] == CLIENT_ID and "openid" in query["scope"].split()
        assert query["code_challenge_method"] == "S256"
        if self.refuse:
            return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'error': self.refuse, 'state': query['state']})}")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}")

    async def token(self, request: Request) -> Response:
        form = await request.form()
        query = self.codes.pop(str(form.get("code")), None)  # good once
        digest = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        given = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
        if (
            query is None
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != query["redirect_uri"]
            or base64.urlsafe_b64encode(digest).decode().rstrip("=") != query["code_challenge"]
            or given != f"{CLIENT_ID}:{CLIENT_SECRET}"
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": query["nonce"], **self.person, **self.wrong}
        claims = {name: value for name, value in claims.items() if value is not None}
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": self._signed(claims)})

    def _signed(self, claims: dict[str, Any]) -> str:
        if self.signed_by == "own":
            return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        if self.signed_by == "another":
            return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, RSAKey.generate_key(2048))
        if self.signed_by == "client secret":
            return jwt.encode({"alg": "HS256", "kid": self.key.kid}, claims, OctKey.import_key(CLIENT_SECRET), algorithms=["HS256"])
        body = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"none"}', _json(claims)))
        return f"{body}."


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()


@contextlib.contextmanager
def running_provider() -> Iterator[OidcProvider]:
    """A provider that answers."""
    made = OidcProvider()
    routes = [
        Route("/.well-known/openid-configuration", made.configuration),
        Route("/keys", made.keys),
        Route("/authorize", made.authorize),
        Route("/token", made.token, methods=["POST"]),
    ]
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=routes), port=made.port, log_config=None, access_log=False, lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started, 20, "the provider")
        yield made
    finally:
        server.should_exit = True
        thread.join(10)
