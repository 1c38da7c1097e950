"""Accounts from the command line, on a database of its own; and the settings of the identity provider."""

import pytest

from madoguchi import registrar
from madoguchi.__main__ import main
from madoguchi.accounts import AccountError
from madoguchi.office import accounts_of, office_of
from madoguchi.settings import RoleRule, SettingError, Settings


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("MADOGUCHI_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_from_the_first_administrator_to_a_lost_phone(capsys):
    assert main(["accounts", "first-admin", "Boss"]) == 0
    shown = capsys.readouterr().out
    assert "start password, shown this once: " in shown and "http://127.0.0.1:8081/" in shown
    assert main(["accounts", "first-admin", "second"]) == 1
    assert "there is an administrator already" in capsys.readouterr().err
    assert list(registrar.listed()) == [
        "boss                      admin             -                                   start         never"
    ]
    assert "start password" in registrar.reset_password("BOSS")
    assert "gone" in registrar.reset_second_factor("boss")
    assert registrar.end_sessions("boss") == "ended 0 session(s)"
    with pytest.raises(AccountError, match="no account of that name"):
        registrar.end_sessions("nobody")
    assert main(["audit", "verify"]) == 0
    assert capsys.readouterr().out.startswith("4 entries, sound")


def test_a_name_that_cannot_be_is_refused_in_one_line(capsys):
    assert main(["accounts", "first-admin", "山田"]) == 1
    assert "a name has 2 to 64" in capsys.readouterr().err


OIDC = {"MADOGUCHI_OIDC_ISSUER": "https://id.example/realm", "MADOGUCHI_OIDC_CLIENT_ID": "console"}


def test_the_identity_provider_is_read_from_the_environment(tmp_path):
    assert Settings.load({}).oidc is None
    assert Settings.load({"MADOGUCHI_PASSWORD_SIGN_IN": "0"}).password_sign_in  # or nobody could sign in
    (tmp_path / "secret").write_text("of the client\n")
    more = {"MADOGUCHI_OIDC_CLIENT_SECRET_FILE": str(tmp_path / "secret"), "MADOGUCHI_PASSWORD_SIGN_IN": "0"}
    found = Settings.load({**OIDC, **more, "MADOGUCHI_OIDC_ROLES": "a=operator: lexus, jamil ; it = admin;"})
    assert found.oidc is not None and not found.password_sign_in
    assert (found.oidc.client_secret, found.oidc.claim) == ("of the client", "groups")
    assert found.oidc.roles == (RoleRule("a", "operator", ("lexus", "jamil")), RoleRule("it", "admin", ()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"MADOGUCHI_OIDC_CLIENT_ID": ""},
        {"MADOGUCHI_OIDC_ISSUER": "http://id.example"},
        {"MADOGUCHI_OIDC_ISSUER": "id.example"},
        {"MADOGUCHI_OIDC_ROLES": "staff"},
        {"MADOGUCHI_OIDC_ROLES": "staff=boss"},
        {"MADOGUCHI_OIDC_ROLES": "staff=operator"},
        {"MADOGUCHI_OIDC_CLIENT_SECRET_FILE": "/nowhere/at/all"},
        {"MADOGUCHI_REQUIRE_TOTP": "yes"},
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named(wrong):
    with pytest.raises(SettingError, match=next(iter(wrong)).rsplit("_", 1)[0]):
        Settings.load({**OIDC, **wrong})


def test_a_company_that_there_is_not_is_named():
    settings = Settings.load({**OIDC, "MADOGUCHI_OIDC_ROLES": "a=operator:toyota"})
    with pytest.raises(SettingError, match="toyota"):
        accounts_of(settings, office_of(Settings.load()))
