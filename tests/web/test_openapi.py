"""The served API obeys its description."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi import checks

from madoguchi.gateway import api, tickets

from .client import Chat, connect, new_address

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def described(gateway):
    address = f"http://127.0.0.1:{gateway.port}/api/openapi.json"
    config = SchemathesisConfig.from_dict({"generation": {"mode": "all"}})
    return schemathesis.openapi.from_url(address, config=config)


@pytest.fixture(scope="module")
def spoken(gateway):
    """A conversation with something in it."""
    chat = Chat(gateway.port, "lexus", "en")
    chat.ask("something to vote on")
    return chat


# The stream never ends; test_delivery.py reads it.
schema = schemathesis.pytest.from_fixture("described").exclude(path="/api/conversation/stream")


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_responses_are_as_described(case, gateway, spoken):
    if isinstance(case.query, dict) and str(case.query.get("wait")).isdecimal():
        case.query["wait"] = min(int(case.query["wait"]), 1) if int(case.query["wait"]) <= 25 else case.query["wait"]
    headers = {"X-Forwarded-For": new_address()}
    if case.operation.path.startswith("/api/conversation") and case.operation.path != "/api/conversations":
        chat = Chat(gateway.port) if case.method.upper() == "DELETE" else spoken
        headers["Authorization"] = f"Bearer {chat.token}"
    case.call_and_validate(headers=headers, checks=CHECKS, timeout=30)


def test_every_route_is_described_and_every_description_served():
    served = {
        (route.path.replace(":int", ""), method.lower())
        for route in (*api.ROUTES, *tickets.ROUTES)
        for method in (route.methods or ())
        if method != "HEAD" and route.path != "/api/openapi.json"  # which is the description itself
    }
    methods = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
    paths = api.description()["paths"]
    assert served == {(path, method) for path, operations in paths.items() for method in operations if method in methods}
    assert all(route.path.startswith("/api/") for route in (*api.ROUTES, *tickets.ROUTES))


def test_no_other_route_is_served_under_api(gateway):
    from madoguchi.gateway import pages

    assert not [route.path for route in pages.ROUTES if route.path.startswith("/api")]
    http = connect(gateway.port)
    for path in ("/api", "/api/", "/api/docs", "/api/conversations/1", "/api/conversation/messages/1"):
        assert http.get(path).status_code in (404, 405), path


@pytest.mark.parametrize(
    "path, method",
    [
        (path, method)
        for path, operations in api.description()["paths"].items()
        for method, found in operations.items()
        if "security" in found and {} not in found["security"]
    ],
)
def test_operations_that_need_a_token_refuse_without_one(gateway, path, method):
    for header in ({}, {"Authorization": "Bearer " + "A" * 43}):
        response = httpx.request(
            method, f"http://127.0.0.1:{gateway.port}{path.replace('{seq}', '1')}", headers=header, trust_env=False, timeout=5
        )
        assert response.status_code == 401, response.text
        assert response.json()["error"] in ("no_token", "unknown_conversation")


def test_a_method_that_is_not_described_is_refused_and_says_which_are(gateway):
    response = connect(gateway.port).put("/api/conversation", json={})
    assert response.status_code == 405
    assert {"GET", "PATCH", "DELETE"} <= {name.strip() for name in response.headers.get("allow", "").split(",")}
