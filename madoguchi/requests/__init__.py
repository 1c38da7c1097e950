"""Data subject requests: tickets, their life, sealed personal fields, codes, audit log, mails. No web framework and no Rasa in here."""

from .actors import CUSTOMER, SYSTEM, Actor, Role
from .audit import AuditLog, Head, Problem, Verdict
from .contacts import Contact
from .errors import (
    ConflictError,
    ContactError,
    ForbiddenError,
    IllegalMoveError,
    RefusedError,
    RequestError,
    UnknownTicketError,
)
from .keys import KeyRing, KeyRingError
from .mail import OutboxTransport, SmtpTransport, Transport, TransportError
from .mailer import Delivered, Mailer
from .numbers import new_number, parse
from .office import Office, RequestSettings
from .retention import Retention, Swept
from .seal import Rotation, SealError
from .service import PurposeNotice, RequestDraft, Requests, StatusView, TicketView
from .staff import Staff
from .views import Counts, Filters, Likely, LogFilters, Logged, Mailed, Moved, Preview, Queue, Sheet, StaffView

__all__ = [
    "CUSTOMER",
    "SYSTEM",
    "Actor",
    "AuditLog",
    "ConflictError",
    "Contact",
    "ContactError",
    "Counts",
    "Delivered",
    "Filters",
    "ForbiddenError",
    "Head",
    "IllegalMoveError",
    "KeyRing",
    "KeyRingError",
    "Likely",
    "LogFilters",
    "Logged",
    "Mailed",
    "Mailer",
    "Moved",
    "Office",
    "OutboxTransport",
    "Preview",
    "Problem",
    "PurposeNotice",
    "Queue",
    "RefusedError",
    "RequestDraft",
    "RequestError",
    "RequestSettings",
    "Requests",
    "Retention",
    "Role",
    "Rotation",
    "SealError",
    "Sheet",
    "SmtpTransport",
    "Staff",
    "StaffView",
    "StatusView",
    "Swept",
    "TicketView",
    "Transport",
    "TransportError",
    "UnknownTicketError",
    "Verdict",
    "new_number",
    "parse",
]
