"""Who grades what, where several graders share a class: each claims what nobody has, in a folder that all of them see.

In .claims/, within the folder of results:

    grader.<id>             one that is at work: where, and a number that it raises every 15 seconds
    terms.<n>               what the class is graded by; of several the one with the highest number
    claim.<folder>.<n>      a submission, known by the folder of its results, that a grader has; the highest number
    failed.<folder>.<n>     what went wrong with that claim, which nobody has any more
    graded.<folder>.<hash>  what came of the submission, until it is published
    finish.<n>              a grader writes the class's tables; finished.<n>: it has

All but a grader's own file are made whole, once, and by one only (`create_once`); what each means hangs on that alone.
Clocks are never compared: a grader counts for gone, and what it has is free, when its number has not changed for three
minutes by the clock of whoever waits. One that was only slow drops what another has claimed since; and of two that
graded a submission all the same, the first to make graded.* has it published, and the other's result is dropped.
"""

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import platform
import re
import secrets
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.claim_files import FOLDER, Grader, Listing, Made, create_once, look_anew
from grading.options import GradingError
from grading.unit import GradedUnit
from labkit.errors import RecordError
from labkit.files import atomic_file
from labkit.formats import FORMAT, read_record
from labkit.text import printable

SAMPLE = 16  # submissions by which graders tell that they have the same class
ATTEMPTS = 3  # graders that fail on a submission, before it counts as the submission's fault, and not as a machine's


@dataclass(frozen=True)
class Pace:
    """In seconds: between two signs of life; without one, until a grader counts for gone; between two looks."""

    beat: float = 15.0
    stale: float = 180.0
    look: float = 5.0


PACE = Pace()


@dataclass
class _Seen:
    """What a grader's file said at the last look, for how many seconds it has said so, and whether it ever changed."""

    content: bytes | None
    seconds: float = 0.0
    moved: bool = False


class Claims:
    """The claims of this grader and of the others; a context manager, in which this one is at work.

    Raises WriteError wherever the folder can't be written to any more: what is claimed is left to the others then.
    """

    def __init__(self, out: Path, terms: Mapping[str, str], class_: Iterable[str] = ()) -> None:
        """Share a class, whose results are in `out`, with all that grade by these terms, texts by what they are.

        `class_` are the folders of the submissions' results.
        """
        self.pace = PACE
        self._out, self._folder, self._terms = out, out / FOLDER, dict(terms)
        who = secrets.token_hex(8), platform.node(), os.getpid()
        self._self = Grader(*who, _hash(self._terms), _sample(class_))
        self._earlier: set[str] = set()  # graders that may have come before this one and whose class is not known yet
        self._first: Grader | None = None  # who made the terms: of several that came at once it was the first
        self._waited_for: set[str] = set()  # graders of which was told that they give no sign of life
        self._over, self._thread = threading.Event(), threading.Thread(target=self._keep_beating, daemon=True)
        self._listing, self._looked, self._watched = Listing(), -math.inf, time.monotonic()
        self._seen: dict[str, _Seen] = {}  # by the grader
        self._made_by: dict[str, str] = {}  # the graders that have made claims, by the file, as far as known
        self._held: dict[str, int] = {}  # the claims of this one, by the submission
        self._failed: dict[str, GradedUnit] = {}  # what this one has failed on
        self._agreed = self._before = 0  # the numbers of the terms, and of the last tables written before this one came
        self._wrote = False  # the tables
        self.tells = False  # whether it is this one that tells how far the class is

    # ------------------------------------------------------------------------------------------------ one among many

    def __enter__(self) -> "Claims":
        try:
            self._folder.mkdir(exist_ok=True)
        except FileExistsError as error:
            raise GradingError(f"{self._folder} is a file, and the graders' folder goes there: delete it") from error
        self._beat()
        self._thread.start()
        try:
            self._agree()
            made = self._read(f"terms.{self._agreed}")
            self._first = made and made.grader
            self._earlier = self._listing.graders - {self._self.id}
        except BaseException:
            self.__exit__()
            raise
        self._before = self._listing.finish
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is not done, and go; the last one clears the folder."""
        self._earlier.clear()
        self._over.set()
        self._thread.join()
        with contextlib.suppress(OSError):
            for name in list(self._held):
                self.release(name)
            (self._folder / f"grader.{self._self.id}").unlink(missing_ok=True)
            self.look(now=True)
            self.tells = self._wrote or not self.others
            if not self.others:
                self._remove(self._listing.names)
                self._folder.rmdir()

    def _beat(self) -> None:
        record = {"format": FORMAT, **dataclasses.asdict(self._self)}
        with atomic_file(self._folder / f"grader.{self._self.id}") as file:
            file.write(json.dumps(record).encode() + b"\n")

    def _keep_beating(self) -> None:
        while not self._over.wait(self.pace.beat):
            self._self = dataclasses.replace(self._self, beat=self._self.beat + 1)
            with contextlib.suppress(OSError):  # the others will take this one for gone, which it then may be
                self._beat()

    def _agree(self) -> None:
        """See to it that all grade by the same terms; raise GradingError where others are at work by other ones.

        The terms of graders that are gone are replaced; it takes a while to find out whether they are.
        """
        announced = False
        while True:
            self.look(now=True)
            made = self._read(f"terms.{self._listing.terms}")
            if made and made.terms == self._terms:
                self._agreed = self._listing.terms
                return
            others = self._graders_by(made.terms) if made else []
            if made and any(self._seen[grader.id].moved for grader in others):
                raise GradingError(self._disagreement(others[0], made.terms))
            if not others:
                self._make(f"terms.{self._listing.terms + 1}", terms=self._terms)
                continue
            if not announced:
                print(f"waiting to see whether {others[0].who} is still at work in {self._out}", file=sys.stderr)
            announced = True
            self.pause()

    def _graders_by(self, terms: Mapping[str, str]) -> list[Grader]:
        """Return the graders by these terms that have not been found to be gone."""
        graders = []
        for other in sorted(self.others):
            with contextlib.suppress(RecordError):
                graders.append(read_record(self._seen[other].content or b"", Grader))
        return [grader for grader in graders if grader.terms == _hash(terms)]

    def _disagreement(self, other: Grader, terms: Mapping[str, str]) -> str:
        names = [name for name in {**self._terms, **terms} if self._terms.get(name) != terms.get(name)]
        differences = "; ".join(_difference(name, terms.get(name, ""), self._terms.get(name, "")) for name in names)
        return (
            f"{other.who} grades into {self._out} with --claim by other terms ({printable(differences)}): make "
            "them the same, or give another --out"
        )

    # ------------------------------------------------------------------------------------------------------- a look

    def pause(self) -> None:
        """Wait until it is worth while to look again."""
        time.sleep(self.pace.look)

    def look(self, now: bool = False) -> None:
        """Look at what the others have and whether they are at work, unless that was done a moment ago."""
        moment = time.monotonic()
        if moment - self._looked < self.pace.look and not now:
            return
        self._looked, self._listing = moment, Listing()
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._folder):
                self._listing.add(name)
        if now or moment - self._watched > self.pace.beat / 2:
            self._watch(moment)
            self._refuse_another_class()
        self.tells = self._self.id == min([self._self.id, *self.others])

    def _watch(self, moment: float) -> None:
        """Read the graders' files. Time in which this one did not look, because it was stopped say, does not count."""
        passed, self._watched = min(moment - self._watched, self.pace.beat), moment
        for grader in {*self._listing.graders, *self._made_by.values()} - {self._self.id}:
            try:
                content = (self._folder / f"grader.{grader}").read_bytes()
            except OSError:
                content = None
            seen = self._seen.get(grader)
            if seen and seen.content == content:
                seen.seconds += passed
            else:
                self._seen[grader] = _Seen(content, moved=seen is not None and content is not None)

    def _refuse_another_class(self) -> None:
        """Raise GradingError where a grader at work, which came before this one, has none of its submissions.

        Of two that came at once each would refuse the other: as long as the first of all is not gone, who has its
        class stays.
        """
        first = self._first
        stays = first and first.id in {self._self.id, *self.others} and not self._is_of_another_class(first)
        for other in [other for other in self._earlier & self.others if self._seen[other].moved]:
            with contextlib.suppress(RecordError):
                grader = read_record(self._seen[other].content or b"", Grader)
                if self._is_of_another_class(grader):
                    if stays:
                        continue
                    raise GradingError(
                        f"{grader.who} grades other submissions into {self._out}: give the same SOURCE as there, or "
                        "another --out"
                    )
            self._earlier.remove(other)

    def _is_of_another_class(self, grader: Grader) -> bool:
        return bool(grader.sample and self._self.sample) and not set(grader.sample) & set(self._self.sample)

    def _is_gone(self, grader: str) -> bool:
        seen = self._seen.setdefault(grader, _Seen(None))
        return grader != self._self.id and seen.seconds >= self.pace.stale

    @property
    def others(self) -> set[str]:
        """The other graders that have not been found to be gone."""
        return {grader for grader in self._listing.graders - {self._self.id} if not self._is_gone(grader)}

    @property
    def running(self) -> list[str]:
        """What is being graded by anybody, as of the last look."""
        return sorted({*self._held, *(name for name in self._listing.claims if not self.is_free(name))})

    # ------------------------------------------------------------------------------------------------- a submission

    def is_free(self, name: str) -> bool:
        """Tell whether a submission may be claimed, as of the last look."""
        number = self._listing.claims.get(name, 0)
        if name in self._held:
            return False
        if not number or number in self._listing.failed.get(name, ()):
            return True
        claim = f"claim.{name}.{number}"
        if self._is_gone(self._made_by.get(claim, self._self.id)) or claim not in self._made_by:
            maker = self._maker(claim)  # anew, before it is taken away: it may be another one's by now
            if maker is None:
                if not (self._folder / claim).exists():
                    return False  # until the next look
                maker = f"unread.{claim}"  # a file that is damaged: whoever made it gives no sign of life either
            self._made_by[claim] = maker
        return self._is_gone(self._made_by[claim])

    def silent(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield which of the submissions are waited for, and whose they are, once for each grader that is silent."""
        for name in names:
            claim = f"claim.{name}.{self._listing.claims.get(name, 0)}"
            maker = self._made_by.get(claim)
            seen = self._seen.get(maker or "")
            if maker is None or seen is None or seen.seconds < 2 * self.pace.beat or maker in self._waited_for:
                continue
            self._waited_for.add(maker)
            made = self._read(claim)
            yield name, made.grader.who if made else "somebody, in a claim that can't be read"

    def start_over(self) -> None:
        """Forget what this grader has failed on: the class is another one now."""
        self._failed.clear()

    def take(self, name: str) -> bool:
        """Claim a submission that is free; tell whether no other grader was faster.

        Raises GradingError where others have begun to grade by other terms.
        """
        if self._listing.terms != self._agreed:
            self._agree()
        number = self._listing.claims.get(name, 0) + 1
        self._listing.claims[name] = number
        if not self._make(f"claim.{name}.{number}"):
            return False
        self._held[name] = number
        return True

    def has_lost(self, name: str) -> bool:
        """Tell whether another grader has claimed what this one had, and gives it up then."""
        look_anew(self._folder)
        lost = (self._folder / f"claim.{name}.{self._held[name] + 1}").exists()
        if lost:
            del self._held[name]
        return lost

    def release(self, name: str) -> None:
        """Give back what this one has claimed."""
        self._remove([f"claim.{name}.{self._held.pop(name)}"])

    @contextlib.contextmanager
    def claimed(self, name: str) -> Iterator[bool]:
        """Keep others from a submission within the block; yields whether it was free for that."""
        self.look(now=True)
        is_mine = self.is_free(name) and self.take(name)
        try:
            yield is_mine
        finally:
            if is_mine:
                self.release(name)

    def fail(self, name: str, graded: GradedUnit) -> None:
        """Note how this grader has failed on what it had claimed, and let others try."""
        self._failed[name], number = graded, self._held.pop(name)
        create_once(self._folder / f"failed.{name}.{number}", graded.encode())
        self._listing.failed.setdefault(name, set()).add(number)

    def failed_elsewhere(self, name: str) -> dict[str, int]:
        """Return which of the other graders at work have failed on a submission, and the numbers of their claims."""
        numbers = self._listing.failed.get(name, ())
        failed = {self._maker(f"claim.{name}.{number}"): number for number in numbers}
        return {maker: number for maker, number in failed.items() if maker in self.others}

    def given_up(self, name: str) -> GradedUnit | None:
        """Return how a submission failed on which every grader has, or as many as it takes; None where it goes on."""
        elsewhere, here = self.failed_elsewhere(name), self._failed.get(name)
        if here is None and len(elsewhere) < ATTEMPTS:
            return None
        if len(elsewhere) + bool(here) < ATTEMPTS and self.others - elsewhere.keys():
            return None
        try:
            return here or GradedUnit.decode((self._folder / f"failed.{name}.{max(elsewhere.values())}").read_bytes())
        except (OSError, RecordError) as error:
            return GradedUnit.failed(error)

    def commit(self, name: str, key: str, graded: GradedUnit) -> bool:
        """Decide that this is what came of a submission; tell whether it is, and not what another grader made."""
        return create_once(self._graded(name, key), graded.encode())

    def committed(self, name: str, key: str) -> GradedUnit | None:
        """Return what came of a submission that has not been published; None where there is nothing."""
        try:
            return GradedUnit.decode(self._graded(name, key).read_bytes())
        except (OSError, RecordError):
            return None

    def done(self, name: str, key: str) -> None:
        """Remove all claims to a submission that has been published."""
        self._held.pop(name, None)
        numbers = range(1, self._listing.claims.pop(name, 0) + 1)
        failed = [f"failed.{name}.{number}" for number in self._listing.failed.pop(name, ())]
        self._remove([*failed, *(f"claim.{name}.{number}" for number in numbers), self._graded(name, key).name])

    def _graded(self, name: str, key: str) -> Path:
        return self._folder / f"graded.{name}.{key[:16]}"

    # --------------------------------------------------------------------------------------------------- the tables

    @contextlib.contextmanager
    def finishing(self, graded: str) -> Iterator[bool]:
        """Let one grader write the tables of what is `graded`, a hash; the others wait, and take over where it is gone.

        Yields whether it is this one. Tables of the same that another one has written count where it began when this
        one was at work already.
        """
        while (number := self._free_finish(graded)) is not None:
            if number and self._make(f"finish.{number}"):
                break
            self.pause()
        else:
            yield False
            return
        try:
            self.tells = True
            yield True
        except BaseException:
            self._remove([f"finish.{number}"])
            raise
        self._wrote = self._make(f"finished.{number}", graded=graded)

    def _free_finish(self, graded: str) -> int | None:
        """Return the number under which to write the tables; 0 while another grader does, None where that is done."""
        self.look(now=True)
        self.tells, last = False, self._listing.finish
        for number in self._listing.finished:
            made = self._read(f"finished.{number}")
            if number > self._before and made and made.graded == graded:
                return None
        writer = self._maker(f"finish.{last}")
        return last + 1 if last in self._listing.finished or writer is None or self._is_gone(writer) else 0

    # ------------------------------------------------------------------------------------------------------- files

    def _make(self, name: str, **fields: object) -> bool:
        record = {"format": FORMAT, "grader": dataclasses.asdict(self._self), **fields}
        return create_once(self._folder / name, json.dumps(record).encode() + b"\n")

    def _read(self, name: str) -> Made | None:
        try:
            return read_record((self._folder / name).read_bytes(), Made)
        except (OSError, RecordError):
            return None

    def _maker(self, name: str) -> str | None:
        """Return which grader has made a file; None where that is not there any more."""
        made = self._read(name)
        return made and made.grader.id

    def _remove(self, names: Iterable[str]) -> None:
        for name in names:
            path = self._folder / name
            if not path.is_dir():  # which nobody here has made
                path.unlink(missing_ok=True)


def _difference(name: str, there: str, here: str) -> str:
    """Say in what graders by unlike terms differ; of a file, whose hash tells nobody anything, only that they do."""
    if not any(re.fullmatch(r"[0-9a-f]{16}", term) for term in (there, here)):
        return f"{name} {there!r}, here {here!r}"
    return f"another {name}" if there and here else f"{name} there only" if there else f"{name} here only"


def _sample(class_: Iterable[str]) -> tuple[str, ...]:
    """Return the least hashes of a class's submissions: two classes that have much in common share some of these."""
    return tuple(sorted(hashlib.sha256(name.encode()).hexdigest()[:16] for name in class_)[:SAMPLE])


def _hash(terms: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()
