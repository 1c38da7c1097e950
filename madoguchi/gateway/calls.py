"""HTTP calls within the machine; imported with the first, since the library takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp


class NobodyThereError(Exception):
    """Nothing takes connections at an address."""


class NoResponseError(Exception):
    """A request was taken and not answered; the message is a class of error."""


class Calls:
    """Connections that are used again, of the event loop that they are made in."""

    def __init__(self, headers: Mapping[str, str], seconds: float) -> None:
        """Create it; nothing is connected yet.

        Args:
            headers: of every request.
            seconds: that a response may take.
        """
        self._http = aiohttp.ClientSession(
            # A connection is left before Rasa's server closes it (after 5 s), lest a question meets the end of one.
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0),
            headers=dict(headers),
            timeout=aiohttp.ClientTimeout(total=seconds, sock_connect=2.0),
            # A proxy of the environment has no business between two processes of one machine, nor have cookies.
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def call(self, method: str, url: str, seconds: float | None = None, **options: Any) -> tuple[int, bytes]:
        """Status and body of the response to a request.

        Args:
            seconds: that this response may take.
            options: `json`, `headers`.

        Raises:
            NobodyThereError, NoResponseError: there is none.
        """
        if seconds is not None:
            options["timeout"] = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._http.request(method, url, **options) as response:
                return response.status, await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            raise NobodyThereError from error
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise NoResponseError(type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()
