"""Finds the three scripts and the report in a submission, however it is laid out, and unpacks them to one place.

What is tolerated is a remark, not a lost mark. What is left out stays in the zip and is never read.
"""

import contextlib
import os
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from grading.intake.contents import Content, name_archives, open_content
from grading.intake.litter import placeholder_for
from grading.intake.zips import LIMITS, REPACK, Archive, BadZip, Member, ZipLimits, check_collisions
from labkit.checks.report.languages import chosen
from labkit.submission.names import is_reserved
from labkit.text import quoted

SCRIPTS = ("model_no1", "model_no2", "model_no3")
REPORT = "report.pdf"
HELPERS = {".py", ".json", ".csv", ".txt", ".md"}  # what a script may import or read; no binaries
NAMED = 5  # files named in a remark about many

# Model_No1.py, "model no1 (1).py", model-no-1.py, model1.py, and what an editor on Windows makes: model_no1.py.txt
SCRIPT = re.compile(
    r"model[ _.-]*(?:no)?[ _.-]*0?([123])(?:[ _-]*(?:\(\d+\)|copy|copia))?\.py(?:\.txt)?", re.IGNORECASE
)
_EXPORTS = {  # what is sent in place of a script or a PDF, by its extension, and how that is made of it
    ".ipynb": "a notebook: export it as a script (Jupyter: File, Save and Export Notebook As, Executable Script)",
    ".docx": "a Word document: export it as PDF (Word: File, Save As, PDF)",
    ".doc": "a Word document: export it as PDF (Word: File, Save As, PDF)",
    ".odt": "a LibreOffice document: export it as PDF (File, Export As, PDF)",
    ".pages": "a Pages document: export it as PDF (File, Export To, PDF)",
    ".tex": "a source of LaTeX: hand in the PDF that it makes",
}


@dataclass
class Unpacked:
    """What was found in a zip. The files are in the folder that was given, under the names of the assignment."""

    scripts: dict[str, str] = field(default_factory=dict)  # "model_no1" to its path in the zip
    report: str | None = None  # its path in the zip; None if there is none, or no telling which it is
    others: list[str] = field(default_factory=list)  # further files unpacked: paths relative to the scripts
    left_out: list[str] = field(default_factory=list)  # paths in the zip of what was taken for none of these
    remarks: list[str] = field(default_factory=list)  # what was tolerated or left out, a line each


def unpack(
    content: Content | Path, folder: Path, limits: ZipLimits = LIMITS, report_names: Iterable[str] = ()
) -> Unpacked:
    """Unpack a submission, which may be given as the path of a zip, to `folder`; that is made if need be, and is empty.

    The scripts become `model_no1.py`, `model_no2.py`, `model_no3.py`, the report `report.pdf`; a helper keeps its path
    from the script's folder. `report_names` are words in the name of a report's file, besides those that the kit knows.
    Nothing is written elsewhere; a zip that is refused leaves nothing behind.

    Raises BadZip, FileExistsError for a folder that is not empty, and OSError where writing fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    with open_content(content, limits) as archive, _emptied_on_failure(folder):
        unpacked, targets = _arrange(archive, limits, report_names)
        for target, chunks in _contents(targets, limits):
            _write(folder, target, chunks)
    return unpacked


def look_through(content: Content | Path, limits: ZipLimits = LIMITS) -> Unpacked:
    """Read all that `unpack` would unpack, and write nothing; raise BadZip as `unpack` does, or OSError."""
    with open_content(content, limits) as archive:
        unpacked, targets = _arrange(archive, limits)
        for _, chunks in _contents(targets, limits):
            for _ in chunks:
                pass
    return unpacked


# ------------------------------------------------------------------------------------------------------------- reading


def _contents(targets: dict[str, Member], limits: ZipLimits) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield each target with its bytes, in pieces, all counted as they are read."""
    left = limits.kept_bytes

    def counted(member: Member) -> Iterator[bytes]:
        nonlocal left
        for chunk in member.chunks():
            left -= len(chunk)
            if left < 0:
                raise BadZip(f"The zip unpacks to more than {limits.kept_bytes:,} bytes of scripts and text. {REPACK}")
            yield chunk

    for target, member in targets.items():
        yield target, counted(member)


def _write(folder: Path, target: str, chunks: Iterable[bytes]) -> None:
    path = folder.joinpath(*target.split("/"))
    for parent in reversed(path.relative_to(folder).parents[:-1]):
        (folder / parent).mkdir(exist_ok=True)
        (folder / parent).chmod(0o755)
    # A new file, never one that is there, not even through a link: whatever the checks may have overlooked.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags, 0o600), "wb") as file:
        for chunk in chunks:
            file.write(chunk)
    path.chmod(0o644)  # whatever the umask: the sandbox reads it as another user


@contextlib.contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for entry in folder.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        raise


# ------------------------------------------------------------------------------------------------------ what is what


def _arrange(
    archive: Archive, limits: ZipLimits, report_names: Iterable[str] = ()
) -> tuple[Unpacked, dict[str, Member]]:
    """Decide which member goes where; return what was found, and a dict of paths in the folder to members."""
    unpacked, members = Unpacked(remarks=archive.remarks), archive.members
    scripts = _find_scripts(members, unpacked.remarks)
    report = _find_report(members, unpacked.remarks, report_names)
    if not scripts and report is None:
        raise BadZip(_nothing_found(archive))
    targets = {f"{script}.py": member for script, member in scripts.items()}
    if report:
        targets[REPORT] = report
    folders = {member.folder for member in targets.values()} - {""}
    if folders:
        unpacked.remarks.append(f"the files are in {_listed(sorted(folders))}, expected at the top of the zip")
    targets = _small_enough(targets, unpacked.remarks, limits)
    unpacked.scripts = {script: member.path for script, member in scripts.items() if f"{script}.py" in targets}
    unpacked.report = report.path if report and REPORT in targets else None
    helpers = _find_helpers(members, targets, scripts.values(), limits)
    unpacked.others = sorted(helpers)
    targets |= helpers
    left_out = {member.path for member in members} - {member.path for member in targets.values()}
    unpacked.left_out = sorted(left_out)
    unpacked.remarks += _left_out(left_out, archive.litter)
    if len(unpacked.scripts) < len(SCRIPTS) or not unpacked.report:
        unpacked.remarks += _instead(archive)
    return unpacked, targets


def _find_scripts(members: list[Member], remarks: list[str]) -> dict[str, Member]:
    """Return the member that is each script; raise BadZip where several may be."""
    candidates: dict[str, list[Member]] = {script: [] for script in SCRIPTS}
    for member in members:
        if match := SCRIPT.fullmatch(member.name):
            candidates[f"model_no{match[1]}"].append(member)
    # A copy elsewhere (old/model_no1.py) loses against the folder that has the most scripts.
    in_folder = Counter(folder for copies in candidates.values() for folder in {member.folder for member in copies})
    scripts = {}
    for script in SCRIPTS:

        def rank(member: Member, script: str = script) -> tuple[int, int]:
            return -in_folder[member.folder], _strangeness(member.name, script)

        best = _best(candidates[script], rank)
        if len(best) > 1:
            paths = _listed(member.path for member in best)
            raise BadZip(f"The zip holds more than one {script}.py: {paths}. Leave one of them. {REPACK}")
        for member in best:
            scripts[script] = member
            if member.name != f"{script}.py":
                remarks.append(f"{quoted(member.path)} was taken for {script}.py")
    return scripts


def _strangeness(name: str, script: str) -> int:
    """Rank a name: 0 for the required one, 1 where only capitals differ, 2 for a guess."""
    return 0 if name == f"{script}.py" else 1 if name.lower() == f"{script}.py" else 2


def _find_report(members: list[Member], remarks: list[str], names: Iterable[str] = ()) -> Member | None:
    """Return the PDF that is the report; None, with a remark, where that is not clear.

    It is known by its name, in the languages of the kit or by `names`. What lies among the results under another name
    is a picture.
    """
    called = re.compile("|".join([*(language.report for language in chosen()), *(re.escape(_plain(n)) for n in names)]))

    def rank(member: Member) -> tuple[bool, ...]:
        name = _plain(member.name)
        return name != REPORT, not called.search(name), not called.search(_plain(member.folder))

    pdfs = [member for member in members if member.name.lower().endswith(".pdf")]
    pictures = [m for m in pdfs if _PICTURES.search(_plain(m.folder)) and not called.search(_plain(m.name))]
    documents = [member for member in pdfs if member not in pictures]
    best = _best(documents, rank)
    if len(best) > 1:
        remarks.append(f"which PDF is the report is not clear: {_listed(m.path for m in best)}; call it {REPORT}")
        return None
    if len(documents) > 1:
        remarks.append(f"of {len(documents)} PDFs {quoted(best[0].path)} was taken for the report")
    elif best and best[0].name != REPORT:
        remarks.append(f"{quoted(best[0].path)} was taken for {REPORT}")
    elif pictures and not best:
        remarks.append(
            f"{_listed(m.path for m in pictures)} was taken for a picture, for its folder, and for no report"
        )
    return best[0] if best else None


_PICTURES = re.compile(r"(?:^|/)(?:result|risultat|ergebnis|resultad|figur|plot|image|img|pictur|immagin|bild|imagen)")


def _plain(name: str) -> str:
    """Return a name in lower case and without accents."""
    return "".join(char for char in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(char))


def _best(members: list[Member], rank: Callable[[Member], tuple]) -> list[Member]:
    """Return the members of the lowest rank; one of them where all are the same file, by size and checksum.

    Whoever forges a checksum chooses between two files of their own.
    """
    lowest = min(map(rank, members), default=None)
    best = [member for member in members if rank(member) == lowest]
    same = all(member.is_same_as(best[0]) for member in best)
    return best[:1] if same else best


def _small_enough(targets: dict[str, Member], remarks: list[str], limits: ZipLimits) -> dict[str, Member]:
    kept = {}
    for target, member in targets.items():
        limit = limits.report_bytes if target == REPORT else limits.script_bytes
        if member.size <= limit:
            kept[target] = member
        else:
            size = f"{member.size:,} bytes, at most {limit:,} are accepted"
            remarks.append(f"{quoted(member.path)} was left out: it has {size}")
    return kept


def _find_helpers(
    members: list[Member], taken: dict[str, Member], scripts: Iterable[Member], limits: ZipLimits
) -> dict[str, Member]:
    """Find files that a script may import or read, by their paths from its folder; raise BadZip where two collide."""
    helpers: dict[str, Member] = {}
    candidates = [member for member in members if _is_helper(member, limits) and member not in taken.values()]
    for home in sorted({f"{script.folder}/" if script.folder else "" for script in scripts}):
        for member in candidates:
            target = member.path[len(home) :]
            if member.path.startswith(home) and target.casefold() not in taken:
                other = helpers.setdefault(target, member)
                if not other.is_same_as(member):
                    paths = _listed([other.path, member.path])
                    raise BadZip(f"{paths} are two files, and one to the scripts. Put all in one folder. {REPACK}")
    check_collisions([replace(member, path=target) for target, member in helpers.items()])
    return helpers


def _is_helper(member: Member, limits: ZipLimits) -> bool:
    return (
        os.path.splitext(member.name)[1].lower() in HELPERS
        and member.size <= limits.script_bytes
        and not _is_reserved(member.path)
    )


def _is_reserved(path: str) -> bool:
    return any(map(is_reserved, path.split("/")))


# ------------------------------------------------------------------------------------------------------------- remarks


def _left_out(paths: set[str], litter: set[str]) -> list[str]:
    reserved = set(filter(_is_reserved, paths))
    reasons = {
        "only scripts, small text files beside them and one PDF count": paths - reserved,
        "Windows reserves the name": reserved,
        "programs leave it behind": litter,
    }
    return [f"left out, because {reason}: {_listed(sorted(names))}" for reason, names in reasons.items() if names]


def _nothing_found(archive: Archive) -> str:
    names = _listed(sorted(member.path for member in archive.members))
    hints = [*name_archives(archive.members), *_instead(archive)]
    advice = (
        f"{'; '.join(hints[:NAMED])}. An archive within is not opened, but for one zip within a zip. " if hints else ""
    )
    wanted = ", ".join(f"{script}.py" for script in SCRIPTS)
    return f"The zip holds none of {wanted} and no PDF; found: {names or 'nothing'}. {advice}{REPACK}"


def _instead(archive: Archive) -> list[str]:
    """Tell what is there in place of a script or report, and how to make that of it."""
    hints = [
        f"{quoted(member.path)} is {_EXPORTS[extension]}"
        for member in archive.members
        if (extension := os.path.splitext(member.name)[1].lower()) in _EXPORTS
    ]
    return hints + [
        f"{quoted(name)} stands for {quoted(missing)}, which is in iCloud only: download that (Finder: right-click, "
        "Download Now), and pack again"
        for name in sorted(archive.litter)
        if (missing := placeholder_for(name))
    ]


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(map(quoted, names[:NAMED])) + more
