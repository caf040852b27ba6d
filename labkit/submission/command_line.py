"""Gets the assignment ready to hand in: makes the report's PDF, checks everything, and packs the zip.

    python submit.py report                        report.md becomes report.pdf
    python submit.py check                         is everything there, and right? a line each, with what to do
    python submit.py pack 189295 ada lovelace      checks, writes 189295_ada_lovelace.zip, says where to send it

It works in the folder in which you start it: model_no1.py, model_no2.py, model_no3.py, results/ and the report.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labkit import notebook, startup
from labkit.networks import TRIAL_STEPS
from labkit.version import NAME, VERSION

if TYPE_CHECKING:
    from labkit.checks.assignment import Assignment

EPILOG = "exit status: 0 success, 1 a failed check or a failure reported on stderr, 2 a bad flag, 130 Ctrl-C"
REPORT_HELP = """\
Turns a report in Markdown, copied from report_template.md, into a PDF beside it.

Headings, lists, tables, pictures (![caption](results/ablation.png)), formulas ($x^2$, in LaTeX) and code come through,
and of HTML <sub>, <sup>, <br>, <b> and <i>. What is lost is told, with its line; in place of a missing picture there is
a box. `lang: it` in the header makes the captions Italian. It takes two packages more: pip install -r
requirements-report.txt. You need not use it: a PDF from any word processor, saved as report.pdf, is just as welcome."""
CHECK_HELP = f"""\
Checks what you are about to hand in, and prints a line for each check: passed, failed with what to do, or skipped,
where it depends on one that failed. It takes half a minute.

  files         the three scripts and report.pdf are there
  run           each script imports without training, has the class Model, and runs {TRIAL_STEPS} steps to the end
  architecture  the right layer is gone, and every other one has the right shape
  training      each network was trained as it is now, on MNIST, to an accuracy that it can have
  report        a PDF with text in it, the five methods, the four accuracies, no prompt of the template left"""
PACK_HELP = """\
Checks as `check` does, then writes ID_NAME_SURNAME.zip: the three scripts, report.pdf, and manifest.json with your
names as you wrote them. Says where to send it, and until when.

  python submit.py pack 189295 ada lovelace
  python submit.py pack 189295 "José María" "O'Brien de la Cruz"      quotation marks keep words together"""


def parse_arguments() -> argparse.Namespace:
    """Parse the command line; `command` of the result is the function to call."""
    style = {"formatter_class": argparse.RawDescriptionHelpFormatter, "epilog": EPILOG}
    parser = argparse.ArgumentParser(description=__doc__, **style)
    parser.add_argument("--version", action="version", version=f"{NAME} {VERSION}")
    commands = parser.add_subparsers(metavar="report | check | pack", required=True)
    report = commands.add_parser("report", help="make report.pdf of report.md", description=REPORT_HELP, **style)
    report.add_argument("source", nargs="?", default="report.md", help="the report (default: report.md)")
    report.set_defaults(command=make_report)
    check = commands.add_parser("check", help="check scripts, results and report", description=CHECK_HELP, **style)
    check.set_defaults(command=check_all)
    pack = commands.add_parser("pack", help="check, and write the zip", description=PACK_HELP, **style)
    pack.add_argument("id", type=_text, help="your student id: digits")
    pack.add_argument("name", type=_text, nargs="?", default="", help="your name")
    pack.add_argument("surname", type=_text, nargs="*", default=[], help="your surname; several are welcome")
    pack.add_argument("--force", action="store_true", help="pack although a check failed; the manifest says so")
    pack.add_argument("--replace", action="store_true", help="write over an earlier zip of the same name")
    pack.set_defaults(command=pack_all)
    return parser.parse_args()


def _text(word: str) -> str:
    """Return a word of the command line; refuse one with bytes that are no letters in the system's encoding."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{word} is not valid in the system's encoding: use plain letters") from None
    return word


def make_report(arguments: argparse.Namespace) -> int:
    """`report`: write the PDF, and print what of the report is missing in it; return the exit status."""
    from labkit.submission.report_pdf import write_pdf

    source = Path(arguments.source)
    target = source.with_suffix(".pdf")
    for remark in write_pdf(source, target):
        print(f"warning: {remark}", file=sys.stderr)
    shown = re.sub(r"<!--.*?-->", "", source.read_text(encoding="utf-8-sig"), flags=re.DOTALL)
    prompts = shown.count("> Prompt:")
    if prompts:
        print(f"warning: prompts of the template that are still in it: {prompts}", file=sys.stderr)
    print(f"wrote {target}; look at its pages before you hand it in")
    return 0


def check_all(arguments: argparse.Namespace) -> int:
    """`check`: print all checks; return the exit status."""
    from labkit.checks.assignment import load_assignment

    return 1 if run_checks(load_assignment()) else 0


def run_checks(assignment: "Assignment") -> list[str]:
    """Print a line for each check when it is done, below a progress bar; return the names of those that failed."""
    from tqdm import tqdm

    from labkit.checks.check import Status
    from labkit.submission.student_checks import TOTAL, check_all
    from labkit.text import printable

    failed = []
    counts: dict[Status, int] = {Status.PASSED: 0, Status.FAILED: 0, Status.SKIPPED: 0}  # undecided are rare
    with tqdm(total=TOTAL, unit="check", dynamic_ncols=True, leave=False, disable=None) as bar:
        for check in check_all(Path.cwd(), assignment, announce=bar.set_postfix_str):
            tqdm.write(printable(f"{check.status:7}  {check.name:22}  {' '.join(check.message.split())}"))
            bar.update()
            counts[check.status] = counts.get(check.status, 0) + 1
            failed += [check.name] if check.status == Status.FAILED else []
    print(", ".join(f"{count} {status}" for status, count in counts.items()), flush=True)
    return failed


def pack_all(arguments: argparse.Namespace) -> int:
    """`pack`: check, and write the zip; return the exit status."""
    from labkit.checks.assignment import load_assignment
    from labkit.submission.names import zip_name
    from labkit.submission.packing import PackError, instructions, pack

    student = {"id": arguments.id, "name": arguments.name, "surname": " ".join(arguments.surname)}
    assignment = load_assignment()
    file_name = zip_name(student["id"], student["name"], student["surname"], assignment.student_id)
    failed = run_checks(assignment)
    if failed and not arguments.force:
        raise PackError("nothing is packed, because a check failed: mend it, or add --force to hand in all the same")
    path, existed = pack(Path.cwd(), file_name, student, failed, arguments.replace)
    print(f"{path.name} is there already, just as it would be written" if existed else f"wrote {path.name}")
    if failed:
        print(f"its manifest names what failed: {', '.join(failed)}")
    print("\n".join(instructions(assignment, path)))
    return 0


def main() -> None:
    """Run a command, and end the process; a failure becomes a line on stderr, and the exit status."""
    arguments = notebook.call(parse_arguments)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:  # not in a notebook, nor in the windows of IDLE and Spyder
            reconfigure(errors="replace")  # a terminal without a letter of somebody's name is no reason to stop
    startup.check_folder(".")  # in which the student's scripts are, wherever the kit is
    notebook.stop(_run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from labkit.errors import KitError

    try:
        return arguments.command(arguments)
    except KeyboardInterrupt:
        print("stopped by Ctrl-C; nothing was written", file=sys.stderr)
        return 130
    except (KitError, OSError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
