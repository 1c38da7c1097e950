"""Signing in by an identity provider: OpenID Connect, authorization code with PKCE, state and nonce."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oidc.core import CodeIDToken
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from madoguchi.requests import Role
from madoguchi.settings import Oidc

from .errors import AccountError
from .service import Identity

FLOW_SECONDS = 600
"""Within this time somebody comes back from the provider."""

_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
"""Signatures by a key that only the provider has."""
_LEEWAY, _TIMEOUT, _METADATA_SECONDS = 60, 10.0, 3600.0


@dataclass(frozen=True)
class Flow:
    """What a browser keeps, sealed, while it is with the provider.

    Attributes:
        to: where it goes afterwards.
        account, session: whose account is to be linked; empty for a sign-in.
    """

    state: str
    nonce: str
    verifier: str
    to: str
    account: str
    session: str
    until: int


class Provider:
    """The identity provider of an installation."""

    def __init__(self, settings: Oidc, redirect_uri: str, key: bytes) -> None:
        """Create it; nothing is fetched yet.

        Args:
            settings: see there.
            redirect_uri: where the provider sends browsers back to.
            key: from which the one is made that seals `Flow`; the same in every process.
        """
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._cipher = AESGCM(hmac.new(key, b"oidc flow", hashlib.sha256).digest())
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: KeySet | None = None

    async def start(self, to: str, account: str = "", session: str = "") -> tuple[str, str]:
        """The provider's address to send a browser to, and what it is to keep meanwhile.

        Raises:
            AccountError: `provider_away`.
        """
        until = int(time.time()) + FLOW_SECONDS
        flow = Flow(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), to, account, session, until)
        metadata = await self._known()
        async with self._client(metadata) as client:
            endpoint = metadata["authorization_endpoint"]
            url, _ = client.create_authorization_url(endpoint, state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier)
        return url, self._sealed(flow)

    async def finish(self, kept: str, query: Mapping[str, str]) -> tuple[Identity, Flow]:
        """Who came back from the provider.

        Args:
            kept: what the browser kept.
            query: of the address that it was sent to.

        Raises:
            AccountError: `provider_away`; `provider_refused`: the provider did, or what it sent does not hold.
        """
        flow, metadata = self._opened(kept), await self._known()
        is_ours = hmac.compare_digest(query.get("state", "").encode(), flow.state.encode())
        if not is_ours or query.get("iss", self._settings.issuer) != self._settings.issuer or not query.get("code"):
            raise AccountError("provider_refused")
        try:
            async with self._client(metadata) as client:
                token = await client.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=query["code"], code_verifier=flow.verifier
                )
            claims = await self._checked(metadata, token, flow.nonce)
        except httpx2.HTTPError as error:
            raise AccountError("provider_away") from error
        except (OAuthError, OAuth2Error, JoseError, ValueError, KeyError, TypeError) as error:
            raise AccountError("provider_refused") from error
        return self._identity(claims), flow

    async def _checked(self, metadata: Mapping[str, Any], token: Mapping[str, Any], nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token whose signature, issuer, audience, times and nonce hold."""
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        registry = JWSRegistry(algorithms=sorted(_ALGORITHMS & set(offered)), strict_check_header=False)
        keys = self._keys or await self._fetch_keys(metadata)
        try:
            decoded = jwt.decode(token["id_token"], keys, registry=registry)
        except InvalidKeyIdError:  # the provider has a new key
            decoded = jwt.decode(token["id_token"], await self._fetch_keys(metadata), registry=registry)
        client_id = self._settings.client_id
        wanted = {
            "iss": {"essential": True, "value": self._settings.issuer},
            "aud": {"essential": True, "value": client_id},
            "sub": {"essential": True},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"nonce": nonce, "client_id": client_id, "access_token": token.get("access_token")}
        CodeIDToken(decoded.claims, decoded.header, wanted, params).validate(leeway=_LEEWAY)
        return cast(Mapping[str, Any], decoded.claims)

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        subject, name = str(claims["sub"]), str(claims.get("preferred_username") or claims.get("email") or "")
        if not 0 < len(subject) <= 255:
            raise AccountError("provider_refused")
        role, companies = self._mapped(claims.get(self._settings.claim))
        shown = str(claims.get("name") or name)
        return Identity(self._settings.issuer, subject, name, shown, role, companies)

    def _mapped(self, claim: Any) -> tuple[Role | None, tuple[str, ...]]:
        held = (
            {claim}
            if isinstance(claim, str)
            else {value for value in claim if isinstance(value, str)}
            if isinstance(claim, list)
            else set()
        )
        rules = [rule for rule in self._settings.roles if rule.value in held]
        if not rules:
            return None, ()
        role = rules[0].role
        return cast(Role, role), tuple(sorted({company for rule in rules if rule.role == role for company in rule.companies}))

    async def _known(self) -> Mapping[str, Any]:
        """The provider's description of itself, fetched once an hour."""
        if self._metadata is not None and time.monotonic() - self._metadata[0] < _METADATA_SECONDS:
            return self._metadata[1]
        found = await self._fetch(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        wanted = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        if found.get("issuer") != self._settings.issuer or not all(isinstance(found.get(name), str) for name in wanted):
            raise AccountError("provider_away")
        self._metadata, self._keys = (time.monotonic(), found), None
        return found

    async def _fetch_keys(self, metadata: Mapping[str, Any]) -> KeySet:
        self._keys = KeySet.import_key_set(cast(Any, await self._fetch(metadata["jwks_uri"])))
        return self._keys

    async def _fetch(self, url: str) -> Mapping[str, Any]:
        try:
            async with httpx2.AsyncClient(timeout=_TIMEOUT) as client:
                response = await client.get(url)
                response.raise_for_status()
                found = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise AccountError("provider_away") from error
        if not isinstance(found, dict):
            raise AccountError("provider_away")
        return found

    def _client(self, metadata: Mapping[str, Any]) -> AsyncOAuth2Client:
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by_body = "client_secret_basic" not in methods and "client_secret_post" in methods
        method = "none" if self._settings.client_secret is None else "client_secret_post" if by_body else "client_secret_basic"
        return AsyncOAuth2Client(
            self._settings.client_id, self._settings.client_secret, token_endpoint_auth_method=method, scope="openid profile email",
            redirect_uri=self._redirect_uri, code_challenge_method="S256", timeout=_TIMEOUT,
        )  # fmt: skip

    def _sealed(self, flow: Flow) -> str:
        nonce = secrets.token_bytes(12)
        return (nonce + self._cipher.encrypt(nonce, json.dumps(asdict(flow)).encode(), None)).hex()

    def _opened(self, kept: str) -> Flow:
        try:
            raw = bytes.fromhex(kept)
            flow = Flow(**json.loads(self._cipher.decrypt(raw[:12], raw[12:], None)))
        except (ValueError, TypeError, InvalidTag) as error:
            raise AccountError("provider_refused") from error
        if flow.until < time.time():
            raise AccountError("provider_refused")
        return flow
