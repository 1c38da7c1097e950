"""The command `madoguchi`; `madoguchi --help` lists what it can do."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from madoguchi import MadoguchiError
from madoguchi.settings import ROOT

DEVELOPMENT_SET = ROOT.parent / "shared" / "eval" / "dev.jsonl"


def _check(arguments: argparse.Namespace) -> int:
    from madoguchi.corpus import load
    from madoguchi.corpus.check import leaks, problems

    found = list(problems(load()))
    if arguments.questions.exists():
        found += leaks(arguments.questions, [ROOT / "policies", ROOT / "data"])
    else:
        sys.stderr.write(f"madoguchi: no {arguments.questions.name} here, so not checked against the development questions\n")
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"corpus: {len(found)} problem(s)\n" if found else "corpus: sound\n")
    return 1 if found else 0


def _show(arguments: argparse.Namespace) -> int:
    from madoguchi.corpus import load, printed

    sys.stdout.write(printed.entry(load(), arguments.entry))
    return 0


def _table(_arguments: argparse.Namespace) -> int:
    from madoguchi.corpus import load, printed

    sys.stdout.write(printed.table(load()))
    return 0


def _duplicates(_arguments: argparse.Namespace) -> int:
    from madoguchi.corpus import load
    from madoguchi.understanding.duplicates import report
    from madoguchi.understanding.encoder import encoder_named

    sys.stdout.write(report(load(), encoder_named("use")))
    return 0


def _accept(arguments: argparse.Namespace) -> int:
    from madoguchi.corpus import load
    from madoguchi.reports import Review
    from madoguchi.reports.accepting import accept, report
    from madoguchi.settings import Settings
    from madoguchi.store import Database
    from madoguchi.understanding.encoder import encoder_named

    questions = arguments.questions if arguments.questions.exists() else None
    if questions is None:
        sys.stderr.write(f"madoguchi: no {arguments.questions.name} here, so not checked against the development questions\n")
    database = Database(Settings.load().database_url)
    database.migrate()
    corpus = load(arguments.root / "policies")
    outcomes = accept(Review(database, corpus), arguments.root, encoder_named(arguments.encoder), questions)
    sys.stdout.write(report(outcomes, arguments.root))
    return 1 if any(each.problem for each in outcomes) else 0


def _run(_arguments: argparse.Namespace) -> int:
    from madoguchi.supervisor import run

    return run()


def _train(arguments: argparse.Namespace) -> int:
    from madoguchi.supervisor import say, train

    say(f"model: {train(arguments.force).relative_to(ROOT)}")
    return 0


def _chat(_arguments: argparse.Namespace) -> int:
    from madoguchi.chat import chat

    return chat()


def _gateway(_arguments: argparse.Namespace) -> int:
    gc.disable()  # hardly anything of a start becomes garbage, and looking for it takes a tenth of the time; the application enables it
    from madoguchi.web import serve

    return serve()


def _migrate(_arguments: argparse.Namespace) -> int:
    from madoguchi.settings import Settings
    from madoguchi.store import Database

    database = Database(Settings.load().database_url)
    database.migrate()
    sys.stdout.write(f"{database.name}: at the newest revision\n")
    return 0


def _conversations(arguments: argparse.Namespace) -> int:
    from madoguchi.gateway import upkeep

    if arguments.command == "purge":
        count, left = upkeep.purge(arguments.older_than)
        sys.stdout.write(f"deleted {count} conversation(s)\n")
    elif arguments.command == "erase":
        count, left = upkeep.erase(arguments.conversation)
        sys.stdout.write(f"deleted the conversation with {count} message(s)\n")
    else:
        sys.stdout.write(upkeep.export(arguments.conversation))
        return 0
    if left:
        sys.stderr.write(f"madoguchi: Rasa cannot be reached; the gateway erases its events of {left} conversation(s) as soon as it can\n")
    return 0


def _requests(arguments: argparse.Namespace) -> int:
    from madoguchi import clerk
    from madoguchi.requests import Filters

    if arguments.command == "list":
        filters = Filters(arguments.company, arguments.state, contact=arguments.contact, is_open=None if arguments.all else True)
        sys.stdout.writelines(f"{line}\n" for line in clerk.listed(filters))
    elif arguments.command == "show":
        sys.stdout.write(clerk.shown(arguments.number))
    elif arguments.command == "move":
        sys.stdout.write(f"{clerk.moved(arguments.number, arguments.state, arguments.reason, arguments.notified, arguments.documents)}\n")
    elif arguments.command == "note":
        clerk.noted(arguments.number, arguments.text)
    else:
        sys.stdout.write(clerk.exported(arguments.number))
    return 0


def _rotate(_arguments: argparse.Namespace) -> int:
    from madoguchi import clerk

    sys.stdout.write(f"{clerk.rotated()}\n")
    return 0


def _audit(arguments: argparse.Namespace) -> int:
    from madoguchi import clerk

    sys.stdout.write(f"{clerk.head() if arguments.command == 'head' else clerk.verified(arguments.head)}\n")
    return 0


def _accounts(arguments: argparse.Namespace) -> int:
    from madoguchi import registrar

    if arguments.command == "list":
        sys.stdout.writelines(f"{line}\n" for line in registrar.listed())
    else:
        sys.stdout.write(f"{getattr(registrar, arguments.command.replace('-', '_'))(arguments.name)}\n")
    return 0


def _folds(_arguments: argparse.Namespace) -> int:
    from madoguchi.understanding.folds import report

    sys.stdout.write(report())
    return 0


def _days(raw: str) -> timedelta:
    number = raw.removesuffix("d")
    if not number.isdecimal() or len(number) > 5:
        raise argparse.ArgumentTypeError(f"{raw!r} is not a number of days")
    return timedelta(days=int(number))


def _parser() -> argparse.ArgumentParser:  # noqa: PLR0915 - a list of commands
    parser = argparse.ArgumentParser(prog="madoguchi", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    command("run", _run, "train where something changed, start everything, stop it on Ctrl-C")
    command("gateway", _gateway, "run the gateway alone; `madoguchi run` starts it with the rest")
    command("migrate", _migrate, "bring the gateway's database to the newest revision")
    command("chat", _chat, "talk to the running assistant in this terminal")
    command("train", _train, "train a model where none stands for the present content").add_argument("--force", action="store_true")
    command("folds", _folds, "how well phrasings are understood that the model did not learn from")
    conversations = commands.add_parser("conversations", help="export and delete conversations").add_subparsers(
        dest="command", required=True, metavar="COMMAND"
    )
    purge = conversations.add_parser("purge", help="delete conversations without a message for some days, in Rasa's store too")
    purge.add_argument("--older-than", type=_days, required=True, metavar="DAYS", help="such as 30 or 30d")
    for name, text in (("export", "print everything kept of a conversation as JSON"), ("erase", "delete one conversation everywhere")):
        conversations.add_parser(name, help=text).add_argument("conversation", help="its id, 32 hexadecimal digits")
    for each in conversations.choices.values():
        each.set_defaults(run=_conversations)
    requests = commands.add_parser("requests", help="work on tickets of data subject requests").add_subparsers(
        dest="command", required=True, metavar="COMMAND"
    )
    listed = requests.add_parser("list", help="open tickets, the newest first")
    listed.add_argument("--all", action="store_true", help="ended ones too")
    listed.add_argument("--company")
    listed.add_argument("--state")
    listed.add_argument("--contact", help="mail address, telephone number or name; found by its blind index")
    requests.add_parser("show", help="a ticket and its history").add_argument("number")
    moved = requests.add_parser("move", help="move a ticket to a state; what a state needs is said where it is missing")
    moved.add_argument("number")
    moved.add_argument("state")
    moved.add_argument("--reason")
    moved.add_argument("--notified", type=date.fromisoformat, metavar="YYYY-MM-DD", help="when the person was notified of the decision")
    moved.add_argument("--documents", type=date.fromisoformat, metavar="YYYY-MM-DD", help="when form and documents came in")
    noted = requests.add_parser("note", help="add a sealed note")
    noted.add_argument("number")
    noted.add_argument("text")
    requests.add_parser("export", help="everything held on a ticket, personal fields opened; audited").add_argument("number")
    for each in requests.choices.values():
        each.set_defaults(run=_requests)
    keys = commands.add_parser("keys", help="keys of personal fields").add_subparsers(required=True, metavar="COMMAND")
    keys.add_parser("rotate", help="seal every personal field with a new key, while everything runs").set_defaults(run=_rotate)
    accounts = commands.add_parser("accounts", help="accounts of staff").add_subparsers(dest="command", required=True, metavar="COMMAND")
    accounts.add_parser("list", help="all accounts, those in use first")
    for name, text in (
        ("first-admin", "make the first administrator and print a start password once; further accounts are made in the console"),
        ("reset-password", "print a new start password once, and end all sessions of an account"),
        ("reset-second-factor", "take second factor and recovery codes away from an account, and end its sessions"),
        ("end-sessions", "end all sessions of an account"),
    ):
        accounts.add_parser(name, help=text).add_argument("name", help="what they sign in with")
    for each in accounts.choices.values():
        each.set_defaults(run=_accounts)
    audit = commands.add_parser("audit", help="the audit log of tickets").add_subparsers(dest="command", required=True, metavar="COMMAND")
    audit.add_parser("head", help="print the end of the log, to keep elsewhere")
    audit.add_parser("verify", help="find edits, deletions, reordering and a cut tail").add_argument(
        "--head", help="as `audit head` printed it; without it a cut tail is not found"
    )
    for each in audit.choices.values():
        each.set_defaults(run=_audit)
    corpus = commands.add_parser("corpus", help="check and show the corpus").add_subparsers(required=True, metavar="COMMAND")
    check = corpus.add_parser("check", help="prove that statements stand in the policies and every question is covered")
    check.add_argument("--questions", type=Path, default=DEVELOPMENT_SET, help="development questions, none of which may be learned")
    check.set_defaults(run=_check)
    accept = corpus.add_parser("accept", help="write phrasings accepted in the console's review into the files that the bot learns from")
    accept.add_argument("--questions", type=Path, default=DEVELOPMENT_SET, help="held-out questions, none of which may be learned")
    accept.add_argument("--encoder", default="use", help="compares meanings, as in config.yml; `none` compares words alone")
    accept.add_argument("--root", type=Path, default=ROOT, help="the repository, or a folder with copies of its policies and data")
    accept.set_defaults(run=_accept)
    show = corpus.add_parser("show", help="print a clause or gap with its original lines")
    show.add_argument("entry", help="such as jamil/contact or jamil#hours")
    show.set_defaults(run=_show)
    corpus.add_parser("table", help="print companies x topics: stated, partly, not stated").set_defaults(run=_table)
    corpus.add_parser("duplicates", help="print how many phrasings there are, and pairs that are nearly the same").set_defaults(
        run=_duplicates
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status; an error of ours is one line."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except MadoguchiError as error:
        sys.stderr.write(f"madoguchi: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
