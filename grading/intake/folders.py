"""What came in together: walks the folder of submissions, whichever systems filled it.

A folder is a student's where a system, its own name or the roster says so, or where scripts or a PDF lie in it; else it
is one of sections and groups, and is looked into. Links are not followed.
"""

import contextlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from grading.intake.contents import Content, content_of
from grading.intake.litter import is_side_file, partial_download
from grading.intake.people import People
from grading.intake.sources import canvas, ilias, recognise
from grading.intake.sources.upload import Upload
from grading.intake.unpacking import SCRIPT, look_through
from grading.intake.zips import BadZip
from grading.layout import GRADES, RESULT, SUBMISSIONS
from labkit.submission.names import BadName, ascii_words, number_of, parse_zip_name
from labkit.text import quoted

VERSIONS = 2  # of a script that one student's folder may hold, in folders of its own: old and new
DEPTH = 4  # folders of sections and groups around a submission, those of the download among them
_YEAR = re.compile(r"(?<!\d)(19|20)\d\d(?!\d)")  # in a folder's name it is the course's, and nobody's id
# A file that is no submission by itself: an extension that is none of an archive's, a document's, or a page's that came
# in place of a zip. The number in `curves 189295.png` is no claim to a mark.
_STRAY = re.compile(r".*\.(?!(?:zip|rar|7z|tar|t?gz|bz2|xz|pdf|\d+)$)[a-z0-9_]{1,10}", re.IGNORECASE | re.DOTALL)


@dataclass
class Arrival:
    """What came in together, before it is known whose it is."""

    path: Path  # the zip; of loose files their folder, or the beginning that their names share
    content: Content
    names: tuple[str, ...]  # that may tell the student, the most trustworthy first
    upload: Upload | None = None
    uploaded_as: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    problem: str = ""  # why it can't be graded
    set_aside: bool = False  # whether that is not the student's doing
    is_repository: bool = False


@dataclass
class _Entry:
    path: Path
    upload: Upload


@dataclass
class _Finder:
    ids: str
    people: People | None
    out: Path | None  # the folder of results, resolved, which may be among the submissions
    arrivals: list[Arrival] = field(default_factory=list)

    def look_into(self, folder: Path, depth: int = 0) -> None:
        """Find what is in a folder that is no student's; raise OSError where it can't be read."""
        uploads: dict[tuple[str, ...], list[_Entry]] = {}
        paths = sorted(folder.iterdir())
        alone = _only_look_alike(paths)
        for path in paths:
            upload = recognise(path) if path != alone else None
            if path.is_dir() and partial_download(path.name):  # as Safari keeps one
                self.arrivals.append(_single(path))
            elif upload:
                key = (upload.system, upload.key, upload.context, *ascii_words(upload.full_name), upload.attempt)
                uploads.setdefault(key, []).append(_Entry(path, upload))
            elif is_side_file(path) or path.resolve() == self.out:
                continue
            elif _is_of_results(path):
                problem = f"{quoted(path.name)} holds results of an earlier run, and no submissions: move it elsewhere."
                self.arrivals.append(Arrival(path, Content(()), (), problem=problem, set_aside=True))
            elif path.is_dir() and not path.is_symlink():
                self._look_at(path, depth)
            else:
                self.arrivals.append(_single(path))
        self.arrivals += [arrival for entries in uploads.values() for arrival in _uploaded(entries)]

    def _look_at(self, folder: Path, depth: int) -> None:
        """Decide whether a folder is a student's, or one of sections and groups."""
        try:
            children = [path for path in sorted(folder.iterdir()) if not is_side_file(path)]
        except OSError as error:
            problem = f"The folder {quoted(folder.name)} cannot be read: {error.strerror}."
            self.arrivals.append(Arrival(folder, Content(()), (folder.name,), problem=problem, set_aside=True))
            return
        owner = "" if _YEAR.search(folder.name) else self._owner(folder.name)
        inside = [path for path in children if _may_be_a_submission(path)]
        others = {owner_ for path in inside if (owner_ := self._owner(path.name))} - {owner}
        several = _most_alike(children) > (VERSIONS if owner else 1)
        holds_more = depth < DEPTH and (any(map(recognise, children)) or bool(others) or several)
        if not holds_more and (owner or _is_work(children) or not inside or depth >= DEPTH):
            self.arrivals += _from_folder(folder)
        else:
            self.look_into(folder, depth + 1)

    def _owner(self, name: str) -> str:
        """Return the id of the student whom a name tells, "" for none."""
        try:
            return number_of(parse_zip_name(name, self.ids).id)
        except BadName:
            stem = re.sub(r"\.zip$", "", name, flags=re.IGNORECASE)
            person = self.people and (self.people.of_repository(stem) or self.people.named(stem))
            return number_of(person.id) if person and person.id else ""


def _is_of_results(path: Path) -> bool:
    """Tell whether a folder is a grader's --out."""
    return path.is_dir() and (path / GRADES).is_file() and any((path / SUBMISSIONS).glob(f"*/{RESULT}"))


def _only_look_alike(paths: Iterable[Path]) -> Path | None:
    """Return the one file that looks like Canvas's among other zips: whoever chose that name is no system."""
    zips = [path for path in paths if path.suffix.lower() == ".zip"]
    alike = [path for path in zips if (upload := recognise(path)) and upload.system == canvas.SYSTEM]
    return alike[0] if len(alike) == 1 < len(zips) else None


def find_arrivals(folder: Path, ids: str, people: People | None = None, out: Path | None = None) -> list[Arrival]:
    """Find everything that came in, in the order of the paths; raise OSError if the folder itself cannot be read.

    `out` is the folder of the grader's results, which is left out.
    """
    finder = _Finder(ids, people, out and out.resolve())
    finder.look_into(folder)
    _tell_keys_apart(finder.arrivals)
    return sorted(finder.arrivals, key=lambda arrival: arrival.path)


def _tell_keys_apart(arrivals: Iterable[Arrival]) -> None:
    """Give those who have one key of a system, and are several students for sure, keys of their own."""
    contexts: dict[tuple[str, str], set[str]] = {}
    uploads = [(arrival, arrival.upload) for arrival in arrivals if arrival.upload]
    for _, upload in uploads:
        contexts.setdefault((upload.system, upload.key), set()).add(upload.context)
    for arrival, upload in uploads:
        if len(contexts[upload.system, upload.key] - {""}) > 1:
            key = f"{upload.context} {upload.key}".strip()
            arrival.upload = replace(upload, key=key, id=key, login="")


def _single(path: Path) -> Arrival:
    """Make an arrival of a file that stands for itself."""
    if name := partial_download(path.name):
        problem = f"{quoted(path.name)} is a download that broke off: download {quoted(name)} again."
        return Arrival(path, Content.of_file(path), (name,), problem=problem, set_aside=True)
    if _STRAY.fullmatch(path.name) and path.is_file() and not path.is_symlink():
        problem = f"{quoted(path.name)} is no zip, and lies in no student's folder: it is nobody's submission."
        return Arrival(path, Content.of_file(path), (), problem=problem, set_aside=True)
    return Arrival(path, Content.of_file(path), (path.name,))


def _may_be_a_submission(path: Path) -> bool:
    return path.suffix.lower() == ".zip" or (path.is_dir() and not path.is_symlink())


def _is_work(children: Iterable[Path]) -> bool:
    """Tell whether what is in a folder is one student's work: scripts or a PDF, there or a folder below, each once."""
    children = list(children)
    if any(SCRIPT.fullmatch(path.name) or path.suffix.lower() == ".pdf" for path in children if not path.is_dir()):
        return True
    return _most_alike(children) == 1


def _most_alike(children: Iterable[Path]) -> int:
    """Return how many of the folders hold the same script, at the most: several are several students', or versions."""
    scripts: Counter[str] = Counter()
    for path in children:
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                scripts.update({match[1] for file in path.iterdir() if (match := SCRIPT.fullmatch(file.name))})
    return max(scripts.values(), default=0)


# ------------------------------------------------------------------------------------------- files that belong together


def _from_folder(folder: Path) -> list[Arrival]:
    """Make arrivals of a folder that is a student's own, or nobody's."""
    try:
        content = content_of(folder)
    except BadZip as error:
        return [Arrival(folder, Content(()), (folder.name,), problem=str(error))]
    except OSError as error:
        return [_changed(folder, error)]
    arrivals = _attempts(folder, content)
    for arrival in arrivals:
        arrival.names += (folder.name,)
        arrival.is_repository = (folder / ".git").exists()
    return arrivals


def _changed(path: Path, error: OSError) -> Arrival:
    problem = f"{quoted(path.name)} cannot be read, or changed while it was ({error.strerror}): run the command again."
    return Arrival(path, Content(()), (path.name,), problem=problem, set_aside=True)


def _uploaded(entries: list[_Entry]) -> list[Arrival]:
    """Make arrivals of what a system says is one student's, and one attempt."""
    upload = entries[0].upload
    entries = [entry for entry in entries if not entry.upload.is_note] or entries
    texts = [entry for entry in entries if entry.upload.is_text]
    files = [entry for entry in entries if not entry.upload.is_text]
    if not files:
        return [_typed(texts)]
    try:
        content = _content(files)
    except BadZip as error:
        arrivals = [Arrival(files[0].path, Content(()), (), problem=str(error))]
    except OSError as error:
        arrivals = [_changed(files[0].path, error)]
    else:
        arrivals = _attempts(_common_path(files), content)
    for arrival in arrivals:
        arrival.upload = _with_time_of(arrival.path, files, upload)
        arrival.uploaded_as = tuple(entry.path.name for entry in entries)
        arrival.names = tuple(name for own in arrival.names for name in _with_folder(own, files))
        if texts:
            arrival.remarks += (f"a text was typed in, too: {', '.join(quoted(text.path.name) for text in texts)}",)
    return arrivals


def _typed(texts: list[_Entry]) -> Arrival:
    """Make an arrival of a text alone: in Canvas it stands for files, in Moodle it is beside those that may come."""
    upload, path = texts[0].upload, texts[0].path
    if upload.system == "canvas":
        problem = "A text was typed in, and no file handed in: send the zip with the scripts and the report."
        return Arrival(path, Content(()), (), upload, (path.name,), problem=problem)
    problem = f"{quoted(path.name)} is a text that was typed in, and no file came with it: read it yourself."
    return Arrival(path, Content(()), (), upload, (path.name,), problem=problem, set_aside=True)


def _content(files: list[_Entry]) -> Content:
    """Return the files of entries, by the student's own names."""
    files_by_name: list[tuple[str, Path]] = []
    left_out: tuple[str, ...] = ()
    for entry in files:
        if entry.path.is_dir() and not entry.path.is_symlink():
            content = content_of(entry.path)
            files_by_name += content.files
            left_out += content.left_out
        else:
            files_by_name.append((entry.upload.file or entry.path.name, entry.path))
    if files[0].upload.system == ilias.SYSTEM:
        files_by_name = [(_own_names(name, path), path) for name, path in files_by_name]
    return Content(tuple(sorted(files_by_name)), left_out)


def _own_names(name: str, path: Path) -> str:
    folder, _, _ = name.rpartition("/")
    return f"{folder}/{ilias.own_name(path.name)}".lstrip("/")


def _common_path(files: list[_Entry]) -> Path:
    """Return the folder of the files, the one file, or the beginning that the system gave to the names of several."""
    first = files[0]
    if len(files) == 1:
        return first.path
    start = first.path.name[: len(first.path.name) - len(first.upload.file)] if first.upload.file else first.path.name
    if first.upload.system == "canvas":
        start = re.sub(r"_\d+_$", "", start)  # the number of the attachment, which is each file's own
    return first.path.with_name(start.rstrip("_- "))


def _attempts(path: Path, content: Content) -> list[Arrival]:
    """Make one arrival of the files, or one of each zip where several hold the same files: those are attempts."""
    zips = [(name, file) for name, file in content.files if name.lower().endswith(".zip")]
    if len(zips) > 1 and not _are_parts(zips):
        loose = tuple(entry for entry in content.files if entry not in zips)
        return [
            Arrival(file, replace(content, files=((name, file), *loose)), (name.rpartition("/")[2],))
            for name, file in zips
        ]
    if len(content.files) == 1:
        path = content.files[0][1]
    return [Arrival(path, content, tuple(name.rpartition("/")[2] for name, _ in zips))]


def _are_parts(zips: Iterable[tuple[str, Path]]) -> bool:
    """Tell whether no two zips hold the same file of the assignment: code.zip and report.zip are parts of one."""
    seen: set[str] = set()
    for _, path in zips:
        try:
            unpacked = look_through(path)
        except (BadZip, OSError):
            return False
        files = {*unpacked.scripts, *(["report"] if unpacked.report else [])}
        if seen & files:
            return False
        seen |= files
    return True


def _with_folder(name: str, files: list[_Entry]) -> tuple[str, ...]:
    """Return the names that a zip goes by: its own, and for Moodle's `189295.zip` that with the student's in front."""
    entry = files[0]
    if entry.upload.system != "moodle":
        return (name,)
    if entry.upload.file:
        return (entry.path.name,)
    return name, f"{entry.path.name.rstrip('_')}_{name}"


def _with_time_of(path: Path, files: list[_Entry], upload: Upload) -> Upload:
    """Return the upload with the time of the attempt's own file, where the system tells that."""
    times: list[datetime] = [entry.upload.submitted for entry in files if entry.upload.submitted]
    own = ilias.time_of(path.name) if upload.system == ilias.SYSTEM else None
    return replace(upload, submitted=own or max(times, default=None))
