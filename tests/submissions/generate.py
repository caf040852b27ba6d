"""Makes a class: good, odd, flawed, hostile and copied submissions, and what grading them should come to.

    python -m tests.submissions.generate FOLDER --students 100 --seed 0

leaves the zips in FOLDER/submissions/, and in FOLDER/expected.json the verdict for each. `verdicts.py` compares it with
what the grader made of the class. The same seed gives the same bytes.
"""

import argparse
import functools
import importlib
import json
import os
import pkgutil
import random
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tests.submissions
from tests.submissions import Case, Files, make_zip, reference_scripts
from tests.submissions.own_work import with_own_work
from tests.submissions.report_pdf import make_pdf
from tests.submissions.report_words import write_report

# Of a class, by kind of case; what no case is left for goes to good students.
SHARES = {"copied": 0.06, "correct": 0.16, "odd": 0.14, "flawed": 0.18, "hostile": 0.26}
RESUBMITTING = 4  # every fourth good student hands in twice
OPENING = 1_777_000_000  # seconds since 1970: when the first submission comes in
MINUTE = 60

FIRST = re.findall(
    r"\w+",
    """Ada Alan Barbara Charles Claude Donald Edsger Frances Grace Hedy Ida Jean John Katherine Kurt Leslie Margaret
    Marvin Niklaus Radia Shafi Sophie Tim Tony Vint""",
)
LAST = re.findall(
    r"\w+",
    """Allen Antonelli Babbage Backus Berners Cerf Dijkstra Goedel Goldwasser Hamilton Hoare Hopper Johnson Knuth Lamarr
    Lamport Liskov Lovelace Minsky Perlman Rhodes Shannon Turing Wilson Wirth""",
)


@dataclass(frozen=True)
class Student:
    """A student, and the seed of what is theirs alone: code and words."""

    id: str
    name: str
    surname: str
    seed: str

    def zip_name(self, template: str) -> str:
        """Return the name of the zip, by a Case's template."""
        given = {"Name": self.name, "Surname": self.surname, "name": self.name.lower(), "surname": self.surname.lower()}
        return template.format(id=self.id, **given)

    def files(self, copied_from: "Student | None" = None) -> Files:
        """Make a good submission's files: the reference with this student's own work, and a report in their words.

        A copy has the other student's code under other names, and every second paragraph of their report.
        """
        source = copied_from or self
        files = {
            path: with_own_work(script, random.Random(f"{source.seed} {path}"), random.Random(f"{self.seed} {path}"))
            for path, script in reference_scripts().items()
        }
        own, others = (write_report(rng=random.Random(student.seed)).split("\n\n") for student in (self, source))
        mixed = [
            pair[n % 4 // 2] for n, pair in enumerate(zip(own, others, strict=True))
        ]  # headings go with their text
        return files | {"report.pdf": make_pdf("\n\n".join(mixed))}


@functools.cache
def all_cases() -> dict[str, list[Case]]:
    """Collect the cases of all modules here, by their kind."""
    cases: dict[str, list[Case]] = {}
    for module in pkgutil.iter_modules(tests.submissions.__path__):
        if module.name != "generate":
            for case in getattr(importlib.import_module(f"tests.submissions.{module.name}"), "CASES", ()):
                cases.setdefault(case.kind, []).append(case)
    return cases


def write_class(folder: Path, students: int, seed: int = 0) -> dict[str, dict]:
    """Make a class in `folder`/submissions; return and write what is expected, by the zips' names.

    Raises FileExistsError if there are submissions already.
    """
    submissions = folder / "submissions"
    submissions.mkdir(parents=True)
    expected = {}
    for n, (name, data, verdict) in enumerate(_class(students, random.Random(seed))):
        (submissions / name).write_bytes(data)
        time = OPENING + n * MINUTE  # in this order: the last of several counts
        os.utime(submissions / name, (time, time))
        expected[name] = verdict
    (folder / "expected.json").write_text(json.dumps(expected, indent=1), encoding="utf-8")
    return expected


def _class(number: int, rng: random.Random) -> Iterator[tuple[str, bytes, dict]]:
    """Yield names, bytes and verdicts of a class's zips, in the order in which they arrive."""
    students = _students(number, rng)
    cases = []
    for kind, share in SHARES.items():
        known = all_cases().get(kind, [])
        cases += rng.sample(known, min(len(known), round(number * share)))
    for case in cases[:number]:
        student = students.pop()
        # What the case adds comes with nobody's own work: it would be a false alarm to find that copied.
        files = reference_scripts() | {"report.pdf": student.files()["report.pdf"]}
        yield student.zip_name(case.zip_name), case.zip(files), _verdict(case)
    copies = round(number * SHARES["copied"])
    good = Case("own_work", "nothing: a good student", "good")
    while students:
        student = students.pop()
        files, name = student.files(), student.zip_name(good.zip_name)
        if copies and students:
            copies -= 1
            copy = students.pop()
            copied = Case("copied", "hand in another's work under other names", "copied")
            yield copy.zip_name(copied.zip_name), make_zip(copy.files(student)), _verdict(copied, copied_from=name)
        elif len(students) % RESUBMITTING == 0:
            again = name.replace(".zip", " (1).zip")
            yield name, make_zip(files | {"report.pdf": make_pdf("A draft.")}), _verdict(good, superseded_by=again)
            name = again
        yield name, make_zip(files), _verdict(good)


def _students(number: int, rng: random.Random) -> list[Student]:
    ids = rng.sample(range(180_000, 200_000), number)
    return [Student(str(id_), rng.choice(FIRST), rng.choice(LAST), f"{id_} {rng.random()}") for id_ in ids]


def _verdict(case: Case, **others: str) -> dict:
    plain = {"case": case.name, "kind": case.kind, "attempts": case.attempts, "refused": case.refused}
    return plain | {
        "expect": dict(case.expect),
        "messages": dict(case.messages),
        "remarks": list(case.remarks),
        "superseded_by": others.get("superseded_by", ""),
        "copied_from": others.get("copied_from", ""),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes a class of submissions to try the grader with.")
    parser.add_argument("folder", type=Path, help="where to; submissions/ must not be there yet")
    parser.add_argument("--students", type=int, default=100, help="number of students (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same class (default: 0)")
    flags = parser.parse_args()
    try:
        expected = write_class(flags.folder, flags.students, flags.seed)
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{len(expected)} zips in {flags.folder / 'submissions'}, verdicts in {flags.folder / 'expected.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
