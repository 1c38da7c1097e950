"""The console's part: requests."""

from __future__ import annotations

from starlette.responses import Response

from .visit import Visit, route


async def first(visit: Visit) -> Response:
    """Its first page."""
    return visit.render("error.html", text="")


ROUTES = [route("/requests", first, "requests")]
