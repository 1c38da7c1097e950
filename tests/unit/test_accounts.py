"""Accounts: signing in step by step, second factor, administrators' acts, what the audit log holds. SQLite and PostgreSQL."""

import json

import argon2
import pyotp
import pytest
import sqlalchemy as sa

from madoguchi.accounts import AccountError, Accounts, AccountSettings, Client, Identity, Register, WaitError, browser_of, passwords
from madoguchi.accounts.service import new_account
from madoguchi.accounts.tables import Account, AccountSession, RecoveryCode
from madoguchi.requests import Actor, ForbiddenError, KeyRing
from madoguchi.requests.tables import Audit, SealedSecret

from .requests_counter import Counter

SHELL = Actor("shell:test", "admin")
HOME, AWAY = Client("192.0.2.1", "Firefox, Windows"), Client("192.0.2.2", "Chrome, Android")
OWN = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch):
    """Hashes that take no time; how long real ones take is not what is tested."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def desk(database_url, tmp_path):
    made = Desk(database_url, KeyRing.from_file(tmp_path / "keys.yml")[0])
    yield made
    made.database.engine.dispose()


class Desk(Counter):
    """Accounts and their administration over one database, with a clock that a test moves."""

    def __init__(self, url, ring):
        super().__init__(url, ring)
        self.register = Register(self.office)
        self.accounts = self.with_settings()

    def with_settings(self, **settings):
        return Accounts(self.office, AccountSettings(b"key", **settings))

    def made(self, name="hanako", role="operator", companies=("lexus",)):
        """An account whose owner has chosen a password."""
        account = new_account(name, role, companies, "山田花子", "ja", self.now, password_hash=kept(OWN))
        with self.database.write() as session:
            session.add(account)
        return account.id

    def signed_in(self, name="hanako", password=OWN, client=HOME, accounts=None):
        accounts = accounts or self.accounts
        opened = accounts.sign_in(name, password, client)
        return accounts.session(opened.token) if opened.step is None else accounts.half(opened.token)

    def with_totp(self, name="hanako", **how):
        """Somebody signed in with a second factor; returns who, secret and recovery codes."""
        self.made(name, **how)
        who = self.signed_in(name)
        secret = self.accounts.totp_set_up(who)
        spares = self.accounts.turn_on_totp(who, OWN, self.code(secret), HOME)
        return who, secret, spares

    def code(self, secret, steps=0):
        return pyotp.TOTP(secret).at(self.now.timestamp() + 30 * steps)

    def audited(self, *actions):
        with self.database.read() as session:
            rows = session.execute(sa.select(Audit).order_by(Audit.seq)).scalars().all()
        return [(row.action, row.actor, json.loads(row.detail)) for row in rows if not actions or row.action in actions]


_kept = {}


def kept(password):
    return _kept.setdefault(password, passwords.hashed(password))


class refused:  # noqa: N801 - reads like pytest.raises
    """The block raises an AccountError of that code."""

    def __init__(self, code):
        self.code = code

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _trace):
        assert isinstance(error, AccountError), f"{self.code} expected, {error!r} came"
        assert error.code == self.code
        return True


# Signing in.


def test_name_and_password_open_a_session(desk):
    account = desk.made()
    who = desk.signed_in(" Ｈanako ")  # full-width, as an input method gives it
    assert (who.id, who.name, who.role, who.companies) == (account, "hanako", "operator", frozenset({"lexus"}))
    assert desk.audited() == [("sign_in", account, {"by": "password"})]
    with desk.database.read() as session:
        row = session.execute(sa.select(AccountSession)).scalar_one()
    assert (row.browser, row.step) == ("Firefox, Windows", None)


def test_what_is_wrong_looks_the_same_and_is_audited_by_the_accounts_id_alone(desk):
    account, gone = desk.made(), desk.made("gone")
    desk.made("boss", "admin", ())
    desk.register.deactivate(SHELL, gone)
    for name, password in (("hanako", "not it at all"), ("nobody-of-this-name", OWN), ("gone", OWN)):
        with refused("wrong"):
            desk.accounts.sign_in(name, password, HOME)
    failed = desk.audited("sign_in_failed")
    assert [(actor, detail["reason"]) for _, actor, detail in failed] == [
        (account, "password"), ("visitor", "unknown"), (gone, "inactive"),
    ]  # fmt: skip
    assert "nobody-of-this-name" not in str(desk.audited())
    assert desk.office.audit.verify().is_sound


def test_a_name_that_there_is_not_costs_a_hash_of_the_same_cost_as_one_that_there_is(desk, monkeypatch):
    desk.made()
    verified, verify = [], argon2.PasswordHasher.verify

    def counted(hasher, kept, given):
        verified.append(argon2.extract_parameters(kept))
        return verify(hasher, kept, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    passwords._nobody.cache_clear()
    for name in ("hanako", "nobody-of-this-name"):
        with refused("wrong"):
            desk.accounts.sign_in(name, "not it at all", HOME)
    known, unknown = verified
    assert known == unknown


def test_a_session_ends_when_idle_and_after_seven_days(desk):
    desk.made()
    token = desk.accounts.sign_in("hanako", OWN, HOME).token
    for _ in range(15):  # used every 11 hours
        desk.later(hours=11)
        assert desk.accounts.session(token) is not None
    desk.later(hours=3)
    assert desk.accounts.session(token) is None  # 168 hours
    token = desk.accounts.sign_in("hanako", OWN, HOME).token
    desk.later(hours=12)
    assert desk.accounts.session(token) is None
    desk.accounts.sign_in("hanako", OWN, HOME)
    assert len(desk.rows(AccountSession)) == 1  # what is over is deleted


def test_a_start_password_has_to_be_changed_and_is_good_for_a_week(desk):
    account, start = desk.register.create(SHELL, "taro", "operator", ["jamil"])
    half = desk.signed_in("taro", start)
    assert half.step == "password"
    token = desk.accounts.sign_in("taro", start, HOME).token
    assert desk.accounts.session(token) is None  # good for nothing before the change
    for new, code in (
        (start, "password_same"),
        ("short", "password_short"),
        ("a" * 12, "password_simple"),
        ("x-TARO-y-z-12", "password_name"),
    ):
        with refused(code):
            desk.accounts.pass_password(half, new, HOME)
    opened = desk.accounts.pass_password(half, OWN, HOME)
    assert opened.step is None and desk.accounts.session(opened.token).id == account
    with refused("over"):
        desk.accounts.pass_password(half, "another good one", HOME)
    with refused("wrong"):
        desk.accounts.sign_in("taro", start, HOME)
    assert desk.signed_in("taro").id == account
    _, late = desk.register.create(SHELL, "jiro", "auditor", [])
    desk.later(days=7)
    with refused("wrong"):
        desk.accounts.sign_in("jiro", late, HOME)
    assert desk.audited("sign_in_failed")[-1][2] == {"reason": "start_password_over"}


def test_a_hash_with_other_parameters_is_made_anew(desk, monkeypatch):
    account = desk.made()
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    before = desk.rows(Account, Account.id == account)[0].password_hash
    desk.signed_in()
    after = desk.rows(Account, Account.id == account)[0].password_hash
    assert after != before and "t=2" in after
    desk.signed_in()
    assert desk.rows(Account, Account.id == account)[0].password_hash == after


def test_an_unfinished_sign_in_is_over_after_a_quarter_of_an_hour(desk):
    _, start = desk.register.create(SHELL, "taro", "operator", ["jamil"])
    token = desk.accounts.sign_in("taro", start, HOME).token
    desk.later(minutes=14)
    assert desk.accounts.half(token) is not None
    desk.later(minutes=1)
    assert desk.accounts.half(token) is None


def test_a_new_password_ends_the_other_sessions(desk):
    desk.made()
    here, there = (desk.accounts.sign_in("hanako", OWN, client).token for client in (HOME, AWAY))
    who = desk.accounts.session(here)
    with refused("wrong_password"):
        desk.accounts.change_password(who, "not it at all", "another good one", HOME)
    desk.accounts.change_password(who, OWN, "another good one", HOME)
    assert desk.accounts.session(here) is not None
    assert desk.accounts.session(there) is None
    assert [entry[0] for entry in desk.audited()][-2:] == ["password_refused", "password_changed"]


def test_own_sessions_are_listed_and_ended(desk):
    desk.made()
    desk.made("other")
    other = desk.signed_in("other")
    here, there = (desk.accounts.sign_in("hanako", OWN, client).token for client in (HOME, AWAY))
    who = desk.accounts.session(here)
    listed = desk.accounts.own(who).sessions
    assert [view.browser for view in listed] == ["Firefox, Windows", "Chrome, Android"]
    assert listed[0].id == who.session
    desk.accounts.end_session(other, listed[1].id)  # not theirs
    assert desk.accounts.session(there) is not None
    desk.accounts.end_session(who, listed[1].id)
    assert desk.accounts.session(there) is None
    desk.accounts.end_own_sessions(who)
    assert desk.accounts.session(here) is None
    assert desk.accounts.own(other).sessions


def test_a_browsers_rough_name():
    chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0 Safari/537.36"
    assert browser_of(chrome) == "Chrome, Windows"
    assert browser_of(f"{chrome} Edg/150.0") == "Edge, Windows"
    safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile/15E148 Safari/604.1"
    assert browser_of(safari) == "Safari, iPhone"
    assert browser_of("curl/8.1") == ""


# The second factor.


def test_the_second_factor_is_asked_for_and_no_code_is_good_twice(desk):
    who, secret, _ = desk.with_totp()
    half = desk.signed_in()
    assert half.step == "code"
    with refused("wrong_code"):
        desk.accounts.pass_code(half, desk.code(secret), HOME)  # used when it was set up
    desk.later(seconds=30)
    opened = desk.accounts.pass_code(half, f" {desk.code(secret)[:3]} {desk.code(secret)[3:]}", HOME)
    assert opened.step is None
    assert desk.accounts.session(opened.token).id == who.id
    again = desk.signed_in()
    for steps in (0, -1):
        with refused("wrong_code"):
            desk.accounts.pass_code(again, desk.code(secret, steps), HOME)
    desk.accounts.pass_code(again, desk.code(secret, 1), HOME)  # a clock that is a little ahead
    assert desk.audited("sign_in")[-1] == ("sign_in", who.id, {"by": "password+code"})
    assert ("sign_in_failed", who.id, {"reason": "code"}) in desk.audited()


@pytest.mark.parametrize("steps", [-2, 2])
def test_a_code_of_another_minute_is_refused(desk, steps):
    _, secret, _ = desk.with_totp()
    desk.later(minutes=5)
    with refused("wrong_code"):
        desk.accounts.pass_code(desk.signed_in(), desk.code(secret, steps), HOME)


def test_a_recovery_code_is_good_once(desk):
    who, _, spares = desk.with_totp()
    assert len(set(spares)) == 10
    opened = desk.accounts.pass_code(desk.signed_in(), spares[3].upper(), HOME)
    assert desk.accounts.session(opened.token) is not None
    with refused("wrong_code"):
        desk.accounts.pass_code(desk.signed_in(), spares[3], HOME)
    assert desk.accounts.own(who).spares_left == 9
    assert desk.audited("sign_in")[-1][2] == {"by": "password+spare"}
    new = desk.accounts.new_spares(who, OWN, HOME)
    with refused("wrong_code"):
        desk.accounts.pass_code(desk.signed_in(), spares[4], HOME)
    desk.accounts.pass_code(desk.signed_in(), new[0], HOME)
    assert not {row.hash for row in desk.rows(RecoveryCode)} & {*spares, *new}


def test_the_secret_stands_sealed_and_is_rotated(desk):
    who, secret, _ = desk.with_totp()
    (row,) = desk.rows(SealedSecret)
    assert (row.owner, row.name) == (who.id, "totp")
    assert secret.encode() not in row.ciphertext
    assert desk.office.seals.rotate(desk.database).resealed == 1
    (rotated,) = desk.rows(SealedSecret)
    assert rotated.key_id != row.key_id
    desk.later(seconds=30)
    assert desk.accounts.pass_code(desk.signed_in(), desk.code(secret), HOME).step is None


def test_a_sealed_secret_opens_for_its_account_alone(desk):
    from madoguchi.requests import SealError

    who, _, _ = desk.with_totp()
    other = desk.made("other")
    with desk.database.write() as session:
        session.execute(sa.update(SealedSecret).where(SealedSecret.owner == who.id).values(owner=other))
    with desk.database.read() as session, pytest.raises(SealError):
        desk.office.seals.read_secret(session, other, "totp")


def test_it_is_turned_off_with_the_password(desk):
    who, _, _ = desk.with_totp()
    with refused("wrong_password"):
        desk.accounts.turn_off_totp(who, "not it at all", HOME)
    desk.accounts.turn_off_totp(who, OWN, HOME)
    assert desk.signed_in().id == who.id
    assert not desk.rows(SealedSecret) and not desk.rows(RecoveryCode)


def test_where_it_is_demanded_the_first_sign_in_leads_to_it(desk):
    accounts = desk.with_settings(require_totp=True)
    _, start = desk.register.create(SHELL, "taro", "operator", ["jamil"])
    opened = accounts.pass_password(desk.signed_in("taro", start, accounts=accounts), OWN, HOME)
    assert opened.step == "totp" and accounts.session(opened.token) is None
    half = accounts.half(opened.token)
    secret = accounts.totp_set_up(half.who)
    assert accounts.totp_set_up(half.who) == secret
    with refused("wrong_code"):
        accounts.pass_totp(half, "000000" if desk.code(secret) != "000000" else "111111", HOME)
    opened, spares = accounts.pass_totp(half, desk.code(secret), HOME)
    assert opened.step is None and len(spares) == 10
    who = accounts.session(opened.token)
    with refused("totp_required"):
        accounts.turn_off_totp(who, OWN, HOME)
    assert desk.signed_in("taro", accounts=accounts).step == "code"


# Administrators.


def test_the_first_administrator_is_made_once(desk):
    start = desk.register.first_admin(SHELL, "Boss")
    assert desk.signed_in("boss", start).step == "password"
    with refused("has_admin"):
        desk.register.first_admin(SHELL, "second")
    assert desk.audited("account_created")[0][1:] == (
        "shell:test",
        {"account": desk.signed_in("boss", start).who.id, "role": "admin", "companies": []},
    )


@pytest.mark.parametrize("role", ["operator", "privacy_officer", "auditor"])
def test_nobody_else_manages_accounts(desk, role):
    account = desk.made("other")
    actor = Actor("a1", role, frozenset({"lexus"}))
    acts = (
        lambda: desk.register.all(actor),
        lambda: desk.register.get(actor, account),
        lambda: desk.register.create(actor, "new", "admin", []),
        lambda: desk.register.change(actor, account, "admin", [], "x"),
        lambda: desk.register.deactivate(actor, account),
        lambda: desk.register.activate(actor, account),
        lambda: desk.register.reset_password(actor, account),
        lambda: desk.register.reset_second_factor(actor, account),
        lambda: desk.register.end_sessions(actor, account),
    )
    for act in acts:
        with pytest.raises(ForbiddenError):
            act()
    assert [entry[:2] for entry in desk.audited("forbidden")] == [("forbidden", "a1")] * len(acts)
    assert len(desk.rows(Account)) == 1


def test_a_change_holds_at_once_and_no_name_stands_in_the_audit_log(desk):
    account = desk.made()
    token = desk.accounts.sign_in("hanako", OWN, HOME).token
    desk.register.change(SHELL, account, "privacy_officer", ["jamil", "lexus"], "  鈴木 \n花子\x07 ")
    who = desk.accounts.session(token)
    assert (who.role, who.companies, who.shown) == ("privacy_officer", frozenset({"jamil", "lexus"}), "鈴木 花子")
    wanted = {
        "account": account,
        "role": "privacy_officer",
        "companies": ["jamil", "lexus"],
        "role_before": "operator",
        "companies_before": ["lexus"],
    }
    assert desk.audited("account_changed") == [("account_changed", "shell:test", wanted)]
    desk.register.change(SHELL, account, "privacy_officer", ["jamil", "lexus"], "佐藤")
    assert desk.audited("account_changed")[-1][2] == {"account": account}
    assert "花子" not in str(desk.audited()) and "hanako" not in str(desk.audited())


def test_what_cannot_be(desk):
    desk.made()
    for fields, code in (
        (("hanako", "operator", ["lexus"]), "name_taken"),
        (("x", "operator", ["lexus"]), "bad_name"),
        (("日本語", "operator", ["lexus"]), "bad_name"),
        (("new", "system", ["lexus"]), "bad_role"),
        (("new", "operator", ["toyota"]), "bad_company"),
        (("new", "privacy_officer", []), "no_company"),
        (("new", "operator", ["lexus"], "あ" * 81), "bad_shown"),
    ):
        with refused(code):
            desk.register.create(SHELL, *fields)
    with refused("unknown_account"):
        desk.register.deactivate(SHELL, "0" * 32)


def test_a_deactivated_account_is_out_at_once_and_comes_back_with_a_new_password(desk):
    account = desk.made()
    token = desk.accounts.sign_in("hanako", OWN, HOME).token
    desk.register.deactivate(SHELL, account)
    assert desk.accounts.session(token) is None
    with refused("wrong"):
        desk.accounts.sign_in("hanako", OWN, HOME)
    start = desk.register.activate(SHELL, account)
    assert desk.accounts.session(token) is None
    with refused("wrong"):
        desk.accounts.sign_in("hanako", OWN, HOME)
    assert desk.signed_in(password=start).step == "password"
    assert desk.accounts.names()[account] == "山田花子"


def test_resets_end_sessions(desk):
    who, _, _ = desk.with_totp()
    desk.register.reset_second_factor(SHELL, who.id)
    assert not desk.rows(AccountSession) and not desk.rows(SealedSecret) and not desk.rows(RecoveryCode)
    desk.signed_in()
    start = desk.register.reset_password(SHELL, who.id)
    assert not desk.rows(AccountSession)
    assert desk.signed_in(password=start).step == "password"
    desk.register.end_sessions(SHELL, who.id)
    assert not desk.rows(AccountSession)
    assert {"second_factor_reset", "password_reset", "sessions_ended"} <= {entry[0] for entry in desk.audited()}


def test_the_last_administrator_and_ones_own_account_stay(desk):
    boss = desk.made("boss", "admin", ())
    own = Actor(boss, "admin")
    for act in (
        lambda: desk.register.deactivate(own, boss),
        lambda: desk.register.change(own, boss, "auditor", [], "B"),
        lambda: desk.register.reset_password(own, boss),
        lambda: desk.register.reset_second_factor(own, boss),
    ):
        with refused("own_account"):
            act()
    for act in (lambda: desk.register.deactivate(SHELL, boss), lambda: desk.register.change(SHELL, boss, "auditor", [], "B")):
        with refused("last_admin"):
            act()
    assert len(desk.audited("forbidden")) == 6
    assert {detail["reason"] for _, _, detail in desk.audited("forbidden")} == {"own_account", "last_admin"}
    desk.register.change(own, boss, "admin", ["lexus"], "Boss")  # all but the role
    second = desk.made("second", "admin", ())
    desk.register.deactivate(own, second)
    with refused("last_admin"):
        desk.register.change(SHELL, boss, "operator", ["lexus"], "B")


def test_two_administrators_cannot_remove_each_other_at_once(desk):
    import threading

    one, two = (desk.made(name, "admin", ()) for name in ("one", "two"))
    together, codes = threading.Barrier(2), []

    def remove(actor, account):
        together.wait()
        try:
            desk.register.deactivate(Actor(actor, "admin"), account)
        except AccountError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=remove, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert codes == ["last_admin"]
    assert len(desk.rows(Account, Account.active)) == 1


# By the identity provider.


def somebody(role="operator", companies=("lexus",), subject="s1", name="t.suzuki@example.com"):
    return Identity("https://id.example", subject, name, "鈴木太郎", role, companies)


def test_whom_the_provider_gives_a_role_gets_an_account(desk):
    opened = desk.accounts.sign_in_by_provider(somebody(), HOME)
    who = desk.accounts.session(opened.token)
    assert (who.name, who.shown, who.role, who.companies) == ("t.suzuki@example.com", "鈴木太郎", "operator", frozenset({"lexus"}))
    again = desk.accounts.sign_in_by_provider(somebody("privacy_officer", ("jamil",)), HOME)
    now = desk.accounts.session(again.token)
    assert (now.id, now.role, now.companies) == (who.id, "privacy_officer", frozenset({"jamil"}))
    assert [entry[0] for entry in desk.audited()] == ["account_created", "sign_in", "account_changed", "sign_in"]
    other = desk.accounts.sign_in_by_provider(somebody(subject="s2"), HOME)  # of the same name
    assert desk.accounts.session(other.token).name == "t.suzuki@example.com-2"
    with refused("wrong"):
        desk.accounts.sign_in("t.suzuki@example.com", "", HOME)


def test_whom_it_gives_none_stays_out(desk):
    with refused("provider_unknown"):
        desk.accounts.sign_in_by_provider(somebody(None), HOME)
    assert desk.rows(Account) == []
    token = desk.accounts.sign_in_by_provider(somebody(), HOME).token
    with refused("provider_unknown"):
        desk.accounts.sign_in_by_provider(somebody(None), HOME)
    assert desk.accounts.session(token) is None  # the role is gone, and with it the open sessions
    assert [detail["reason"] for _, _, detail in desk.audited("sign_in_failed")] == ["provider_unknown"] * 2


def test_a_linked_account_keeps_the_role_that_it_was_given_here(desk):
    account = desk.made(role="auditor")
    who = desk.signed_in()
    desk.accounts.link(who.id, who.session, somebody(None))
    by_provider = desk.accounts.session(desk.accounts.sign_in_by_provider(somebody("operator"), AWAY).token)
    assert (by_provider.id, by_provider.role) == (account, "auditor")
    desk.made("other")
    other = desk.signed_in("other")
    with refused("linked_already"):
        desk.accounts.link(other.id, other.session, somebody(None))
    desk.accounts.sign_out(other)
    with refused("over"):
        desk.accounts.link(other.id, other.session, somebody(None, subject="s9"))
    desk.accounts.unlink(who, OWN, HOME)
    with refused("provider_unknown"):
        desk.accounts.sign_in_by_provider(somebody(None), HOME)
    desk.register.deactivate(SHELL, account)


def test_a_deactivated_account_stays_out_by_the_provider_too(desk):
    who = desk.accounts.session(desk.accounts.sign_in_by_provider(somebody(), HOME).token)
    desk.register.deactivate(SHELL, who.id)
    with refused("inactive"):
        desk.accounts.sign_in_by_provider(somebody(), HOME)
    assert desk.register.activate(SHELL, who.id) is None
    with refused("by_provider"):
        desk.register.reset_password(SHELL, who.id)
    desk.accounts.sign_in_by_provider(somebody(), HOME)


def test_passwords_can_be_turned_off(desk):
    desk.made()
    with refused("passwords_off"):
        desk.with_settings(password_sign_in=False).sign_in("hanako", OWN, HOME)


# Guessing.


def test_failures_make_wait_and_say_so_once_in_the_audit_log(desk):
    account = desk.made()
    for _ in range(6):
        with refused("wrong"):
            desk.accounts.sign_in("hanako", "not it at all", HOME)
    for _ in range(3):
        with pytest.raises(WaitError) as caught:
            desk.accounts.sign_in("hanako", OWN, HOME)  # right, and too early all the same
        assert caught.value.seconds == 2
    assert len(desk.audited("sign_in_failed")) == 6
    assert desk.audited("sign_in_waits") == [("sign_in_waits", "visitor", {"seconds": 2, "for": "password"})]
    assert desk.signed_in(client=AWAY).id == account  # from elsewhere at once
    desk.later(seconds=2)
    assert desk.signed_in().id == account


def test_codes_are_slowed_down_too(desk):
    who, secret, _ = desk.with_totp()
    desk.later(minutes=5)
    wrong = "000000" if desk.code(secret) != "000000" else "111111"
    for _ in range(6):
        with refused("wrong_code"):
            desk.accounts.pass_code(desk.signed_in(client=AWAY), wrong, AWAY)
    with pytest.raises(WaitError):
        desk.accounts.pass_code(desk.signed_in(client=AWAY), desk.code(secret), AWAY)
    assert desk.audited("sign_in_waits")[0][1] == who.id
