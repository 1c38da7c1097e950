"""What browsers load beside pages: scripts and style sheets, minified and compressed when they are first asked for.

The sources stay readable. What the chat needs for its first paint, the first question and its answer is embed.js, the page (chat.html
with the words of its language), chat.js and chat.css: at most 10 KB compressed, which tests/web/test_assets.py holds. The rest comes with
its first use: more.* (menu, votes, the other language, what is seldom said), cards.* (forms), words.*.json.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import rcssmin
import rjsmin
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_STYLE = re.compile(r"(?<=const STYLE = `)[^`]*")


@dataclass(frozen=True)
class Asset:
    """A file as it is served."""

    plain: bytes
    compressed: bytes
    media_type: str
    tag: str


def minified(name: str, text: str) -> str:
    """A source without comments and needless spaces; `const STYLE` of a script is a style sheet."""
    end = name.rpartition(".")[2]
    if end == "js":
        return str(rjsmin.jsmin(_STYLE.sub(lambda sheet: str(rcssmin.cssmin(sheet[0])), text)))
    if end == "css":
        return str(rcssmin.cssmin(text))
    if end == "json":
        return json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
    return text


@lru_cache(maxsize=64)
def _read(path: Path, _changed: int) -> Asset:
    plain = minified(path.name, path.read_text(encoding="utf-8")).encode()
    media_type = {".js": "text/javascript"}.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(plain, gzip.compress(plain, 9, mtime=0), media_type, f'"{hashlib.sha256(plain).hexdigest()[:16]}"')


class Assets:
    """The text files of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def version(self) -> str:
        """A short hash over the files, so that pages name the version they were made for."""
        digest = hashlib.sha256()
        for path in sorted(self._folder.iterdir()):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:10]

    def read(self, name: str) -> Asset:
        """A file as it is served.

        Raises:
            HTTPException: 404, there is none of that name.
        """
        path = self._folder / name
        if path.parent != self._folder or not path.is_file():
            raise HTTPException(404)
        return _read(path, path.stat().st_mtime_ns)

    def prepare(self, *names: str) -> str:
        """Have these ready before they are asked for; returns the version."""
        for name in names:
            self.read(name)
        return self.version

    def respond(self, request: Request, name: str, **headers: str) -> Response:
        """A file, which browsers keep for some minutes."""
        asset = self.read(name)
        headers = {"Cache-Control": "public, max-age=300", "ETag": asset.tag, "Vary": "Accept-Encoding", **headers}
        if asset.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if len(asset.plain) > 500 and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.compressed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.media_type)
        return Response(asset.plain, headers=headers, media_type=asset.media_type)

    async def __call__(self, request: Request) -> Response:
        """The file that a path names (`{name}`)."""
        return self.respond(request, request.path_params["name"])
