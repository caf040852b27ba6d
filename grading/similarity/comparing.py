"""Compares a class with itself and with earlier years: keeps what the comparison needs, and tells what came of it.

Fingerprints are taken once for each zip, by the sandbox, and kept under the zip's hash. What can't be read is left out
of the comparison, which goes on, and a line says so.
"""

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from grading import report_check
from grading.intake.contents import Content
from grading.intake.unpacking import unpack
from grading.intake.zips import BadZip
from grading.results.results import Result
from grading.sandbox.runner import Sandbox
from grading.similarity.pairs import Pair, Source, are_kept, find_groups, find_pairs, keep_texts
from grading.similarity.similarity_page import FILE, write_page
from labkit.checks.assignment import Assignment
from labkit.files import atomic_file
from labkit.submission.names import BadName, parse_zip_name
from labkit.text import printable, quoted

FOLDER = ".fingerprints"  # within the folder of results


class Library:
    """The fingerprints of all zips that were ever compared here."""

    def __init__(self, out: Path, sandbox: Sandbox, scratch: Path, report_names: Sequence[str] = ()) -> None:
        """Keep them in a folder within `out`, the results', which must exist; `scratch` is for temporary use.

        `report_names` are those of `unpack`.
        """
        self._report_names = report_names
        self._folder, self._sandbox, self._scratch = out / FOLDER, sandbox, scratch
        self._folder.mkdir(exist_ok=True)

    def file(self, sha256: str) -> Path:
        """Return the file for the fingerprints of the zip with this hash."""
        return self._folder / f"{sha256}.json"

    def keep(self, sha256: str, fingerprints: bytes) -> None:
        """Keep those that were taken of a submission where it was graded; raise WriteError."""
        with atomic_file(self.file(sha256)) as file:
            file.write(fingerprints)

    def source(self, content: Content, label: str, student: str, sha256: str = "", folder: str = "") -> Source:
        """Return the Source of a submission; take its fingerprints if they are not kept.

        The hash is "" if it is unknown, the folder of results for one of an archive.

        Raises BadZip, limits.SandboxError or OSError where there are none.
        """
        if not (sha256 and are_kept(self.file(sha256))):
            with self._emptied() as scratch:
                files = scratch / "files"
                files.mkdir()
                copy = content.copied_to(files)  # what is hashed is what is read, whatever becomes of the files
                digest = copy.sha256()
                if sha256 and digest != sha256:
                    raise BadZip("it has changed since it was graded: run the same command again")
                sha256 = digest
                if not are_kept(self.file(sha256)):
                    self._take(copy, self.file(sha256), scratch)
        return Source(self.file(sha256), label, student, folder)

    def _take(self, content: Content, file: Path, scratch: Path) -> None:
        folders = [scratch / name for name in ("submission", "report", "fingerprints")]
        for folder in folders:
            folder.mkdir()
        report = ""
        if unpack(content, folders[0], report_names=self._report_names).report:
            digest, _, _ = report_check.read_report(folders[0], self._sandbox, folders[1])
            report = digest.text if digest else ""
        keep_texts(file, folders[0], report, self._sandbox, folders[2])

    @contextlib.contextmanager
    def _emptied(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as scratch:
            yield Path(scratch)


def compare(
    library: Library,
    graded: Iterable[tuple[Result, Content]],
    archive: Sequence[Path],
    assignment: Assignment,
    page: Path,
) -> list[str]:
    """Compare the graded submissions, given with their files, with each other and with those of an archive.

    Writes the page and the file beside it; returns the lines for the instructor. Raises whatever goes wrong with that
    itself.
    """
    left_out: list[tuple[Source, str]] = []
    sources = []
    for result, content in graded:
        label = f"{result.who}, {result.zip}"
        sources += _source(library, content, label, result.id, left_out, result.zip_sha256, result.folder)
    earlier: dict[Path, Source] = {}  # a zip that is there twice is compared once
    for path in tqdm(archive, unit="zip", desc="archive", dynamic_ncols=True, disable=None if archive else True):
        content = Content.of_file(path)
        for source in _source(library, content, str(path), _student(path, assignment.student_id), left_out):
            earlier[source.file] = source
    pairs, incomparable = find_pairs(sources, list(earlier.values()), assignment.similarity)
    left_out += incomparable
    compared = f"{len(sources)} submissions" + (f", and {len(earlier)} of the archive" if earlier else "")
    write_page(page / FILE, pairs, compared, left_out, _copies(sources))
    return [*_left_out_lines(left_out), f"{page / FILE}: {_pairs_line(pairs)}"]


def _pairs_line(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return "no submissions share more than the hand-out explains"
    groups = find_groups(pairs)
    of = f"a group of {len(groups[0].members)} submissions shares"
    if len(groups) > 1:
        of = f"{len(groups)} groups of up to {max(len(group.members) for group in groups)} submissions share"
    return f"{of} more than the hand-out explains"


def _copies(sources: Iterable[Source]) -> list[list[Source]]:
    """Return groups of students whose zips are the same: they share their fingerprints' file."""
    groups: dict[Path, list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.file].append(source)
    return [group for group in groups.values() if len({source.student or source.label for source in group}) > 1]


def _source(
    library: Library,
    content: Content,
    label: str,
    student: str,
    left_out: list[tuple[Source, str]],
    sha256: str = "",
    folder: str = "",
) -> list[Source]:
    """Return the Source of a submission, alone in a list; none, and the reason in `left_out`, where that fails."""
    try:
        return [library.source(content, label, student, sha256, folder)]
    except Exception as error:  # whatever one zip does to its reading, the others are compared
        reason = str(error) if isinstance(error, BadZip) else f"{type(error).__name__}: {error}"
        left_out.append((Source(Path(label), label, student, folder), reason))
        return []


def archived(folders: Iterable[Path], submissions: Path) -> list[Path]:
    """Find all zips in folders of earlier years, without this year's, `submissions`."""
    present = submissions.resolve()
    zips = sorted({path.resolve() for folder in folders for path in folder.rglob("*.zip")})
    return [path for path in zips if path.is_file() and not path.is_relative_to(present)]


def _student(path: Path, ids: str) -> str:
    """Return the id in the name of a zip, "" where there is none."""
    try:
        return parse_zip_name(path.name, ids).id
    except BadName:
        return ""


def _left_out_lines(left_out: Sequence[tuple[Source, str]]) -> list[str]:
    if not left_out:
        return []
    source, reason = left_out[0]
    more = f", and {len(left_out) - 1} more, which {FILE} lists" if len(left_out) > 1 else ""
    return [f"left out of the comparison: {quoted(source.label)} ({printable(reason)}){more}"]
