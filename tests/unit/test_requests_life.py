"""The life of tickets under whatever anybody does in whatever order."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from madoguchi.requests import RequestDraft, RequestError
from madoguchi.requests.states import DECISIONS, ENDED, MOVES, STATES, UNVERIFIED
from madoguchi.requests.tables import BlindIndex, History, Mail, SealedField, Ticket

from .requests_counter import COMPANIES, OFFICER, OPERATOR, OTHER_OFFICER, PHONE, WITH_CONTACT, new_counter

REASONS = [None, "harm_to_rights", "data_not_found", "awaiting_person", "identity_not_confirmed"]


class Life(RuleBasedStateMachine):
    tickets = Bundle("tickets")
    codes = Bundle("codes")

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.counter = new_counter(Path(self.folder.name), keep_days=dict.fromkeys(COMPANIES, 30))
        self.known = {}
        self.head = self.counter.office.audit.head()

    def teardown(self):
        if hasattr(self, "folder"):
            self.counter.database.engine.dispose()
            self.folder.cleanup()

    def attempt(self, act):
        try:
            return act()
        except RequestError:
            return None

    @rule(
        target=tickets, company=st.sampled_from(["lexus", "g-link"]), channel=st.sampled_from(["email", "phone"]),
        instance=st.sampled_from("abc"),
    )  # fmt: skip
    def open(self, company, channel, instance):
        origin = f"sender-{company}-{channel}"
        ticket = self.counter.requests.open(RequestDraft(company, "disclosure", "self", channel, "ja", origin, instance))
        self.known.setdefault((origin, instance), set()).add(ticket.number)
        self.known.setdefault(ticket.number, (origin, channel))
        return ticket.number

    @rule(number=tickets, target=codes)
    def give_contact(self, number):
        origin, channel = self.known[number]
        values = {} if channel == "email" else {"email": None, "phone": PHONE}
        before = len(self.counter.post.messages)
        view = self.attempt(lambda: self.counter.give(number, origin, **values))
        self.counter.mailer.deliver()
        if view is None or not view.code_sent or len(self.counter.post.messages) == before:
            return number, "00000000"
        return number, self.counter.post.code()

    @rule(proof=consumes(codes))
    def verify(self, proof):
        view = self.attempt(lambda: self.counter.requests.verify_contact(*proof))
        assert view is None or view.contact_verified

    @rule(number=tickets, code=st.text("0123456789", min_size=8, max_size=8))
    def guess(self, number, code):
        assert self.attempt(lambda: self.counter.requests.status(number, code)) is None

    @rule(
        number=tickets, to=st.sampled_from(STATES), actor=st.sampled_from([OPERATOR, OFFICER, OTHER_OFFICER]),
        reason=st.sampled_from(REASONS), other=tickets,
    )  # fmt: skip
    def move(self, number, to, actor, reason, other):
        now = self.counter.now
        today = (now + timedelta(hours=9)).date()
        before = self.row(number)
        view = self.attempt(lambda: self.counter.staff.move(number, to, actor, reason, today, other, now))
        after = self.row(number)
        if view is None:
            assert (after.state, after.version) == (before.state, before.version)
        else:
            assert after.company in actor.companies
            assert after.state == to
            assert to in MOVES[before.state]
            assert not (before.state in ENDED | DECISIONS and to != "closed" and actor.role != "privacy_officer")

    @rule(hours=st.sampled_from([1, 24, 24 * 8, 24 * 31]))
    def later(self, hours):
        self.counter.later(hours=hours)

    @rule()
    def sweep(self):
        self.counter.retention.run()
        again = self.counter.retention.run()
        assert (again.expired, again.shredded, again.codes) == (0, 0, 0)

    @rule(number=tickets)
    def erase(self, number):
        self.attempt(lambda: self.counter.staff.erase(number, OFFICER))

    @rule()
    def rotate(self):
        self.counter.office.seals.rotate(self.counter.database)

    def row(self, number):
        return self.counter.rows(Ticket, Ticket.number == number)[0]

    @invariant()
    def nothing_is_lost_and_everything_is_provable(self):
        if not hasattr(self, "counter"):
            return
        numbers = {key for key in self.known if isinstance(key, str)}
        rows = self.counter.rows(Ticket)
        assert {row.number for row in rows} == numbers
        for row in rows:
            history = self.counter.rows(History, History.ticket_id == row.id)
            assert history[0].from_state is None
            assert all(two.from_state == one.to_state for one, two in zip(history, history[1:], strict=False))
            assert history[-1].to_state == row.state
            sealed = self.counter.rows(SealedField, SealedField.ticket_id == row.id)
            if row.shredded_at is not None:
                assert row.state in ENDED
                assert row.origin is None
                assert not sealed
                assert not self.counter.rows(BlindIndex, BlindIndex.ticket_id == row.id)
                assert not self.counter.rows(Mail, Mail.ticket_id == row.id)
            elif row.arrived_at is not None:
                assert {"name"} <= {field.name for field in sealed}
                assert row.notice_version
            if row.state in {"received", "needs_routing"}:
                assert (row.state == "received") == (row.company in WITH_CONTACT)
            if row.state in UNVERIFIED:
                assert row.arrived_at is None
                assert not row.contact_verified
            if row.state in {"answered_partly", "answered_refused", "no_data_found"}:
                assert row.reason
                assert row.notice_date
            assert (row.closed_at is not None) == (row.state in ENDED)
            assert (row.held_from is not None) == (row.state in {"on_hold", "withdrawn", "duplicate_of"})
            assert row.state != "duplicate_of" or row.duplicate_of not in {None, row.id}
        verdict = self.counter.office.audit.verify(self.head)
        assert verdict.is_sound, verdict
        self.head = self.counter.office.audit.head()

    @invariant()
    def one_form_is_one_ticket(self):
        for key, numbers in getattr(self, "known", {}).items():
            assert isinstance(key, str) or len(numbers) == 1 or any(self.row(number).shredded_at for number in numbers)


Life.TestCase.settings = settings(
    max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TestLife = Life.TestCase
