"""Packs a submission: scripts, report, results and a manifest, as a zip whose bytes depend on nothing else."""

import datetime
import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labkit.checks.assignment import NETWORKS, Assignment
from labkit.checks.records import ABLATION, RESULTS
from labkit.errors import KitError
from labkit.files import FACES, KIT, atomic_file
from labkit.formats import FORMAT
from labkit.submission.student_checks import REPORT
from labkit.version import VERSION

MANIFEST = "manifest.json"
STAMP = (1980, 1, 1, 0, 0, 0)  # of every file in the zip: the earliest that the format knows


@dataclass(frozen=True)
class ManifestRecord:
    """manifest.json, which tells whoever grades how a zip was packed; docs/formats.md tells of each field."""

    id: str = ""
    name: str = ""
    surname: str = ""
    version: str = ""
    kit: str = ""
    sha256: dict[str, str] = field(default_factory=dict)
    forced: bool = False
    failed_checks: tuple[str, ...] = ()


class PackError(KitError):
    """The zip is not written; the text tells the student why, and what to do."""


def pack(
    folder: Path, file_name: str, student: dict[str, str], failed: list[str], replace: bool = False
) -> tuple[Path, bool]:
    """Write a submission's zip to a folder; return its path, and whether it already existed, byte by byte.

    `student` is a dict of id, name and surname as the student wrote them, `failed` the names of the checks that failed;
    both go into the manifest. Missing files are left out: they are among the failed checks.

    Raises PackError where a zip of that name holds something else, unless `replace`; OSError where a file can't be read
    or written.
    """
    paths = [folder / name for name in (*(f"{script}.py" for script in NETWORKS), REPORT)]
    files = {path.name: path.read_bytes() for path in paths if path.is_file()}
    results = folder / RESULTS / ABLATION  # what compare.py measured, which a report is best compared with
    if files and results.is_file():
        files[ABLATION] = results.read_bytes()
    if not files:
        raise PackError(f"there is nothing to pack in {folder}: no script, and no {REPORT}")
    manifest = ManifestRecord(
        **student,
        version=VERSION,
        kit=kit_version(),
        sha256={name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        forced=bool(failed),
        failed_checks=tuple(failed),
    )
    record = {"format": FORMAT, **asdict(manifest)}
    files[MANIFEST] = (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()
    content, path = zip_bytes(files), folder / file_name
    if path.exists():
        if path.read_bytes() == content:
            return path, True
        if not replace:
            raise PackError(f"{file_name} is there already, with other content: add --replace, or rename it first")
    with atomic_file(path) as file:
        file.write(content)
    return path, False


def zip_bytes(files: dict[str, bytes]) -> bytes:
    """Return a zip of files (names to bytes), stored as they are: the output of deflate varies with its version."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            member = zipfile.ZipInfo(name, STAMP)
            member.create_system, member.external_attr = 3, 0o100644 << 16  # as on Unix, wherever this runs
            archive.writestr(member, data)
    return content.getvalue()


def kit_version() -> str:
    """Return a hash of the kit's own scripts, 16 hex digits: it shows which kit it is, and whether it was altered."""
    digest = hashlib.sha256()
    behind_them = [path.relative_to(KIT).with_suffix("").as_posix() for path in KIT.glob("labkit/**/*.py")]
    for module in sorted([*FACES, *behind_them]):
        path = KIT / f"{module}.py"
        source = path.read_bytes().replace(b"\r\n", b"\n") if path.is_file() else b""
        digest.update(module.encode() + b"\0" + hashlib.sha256(source).digest())
    return digest.hexdigest()[:16]


def instructions(assignment: Assignment, path: Path, now: datetime.datetime | None = None) -> list[str]:
    """Say what to do with the zip, a line each: where to send it, and until when."""
    now = now or datetime.datetime.now().astimezone()
    lines = [f"hand in {path.name} for {assignment.course}"]
    if "address" in assignment.to_fill_in:
        lines.append("  to       (assignment.toml does not say yet: ask your instructor)")
    else:
        lines.append(f"  to       {assignment.address}")
    lines.append(f"  subject  {assignment.subject}")
    if assignment.deadline is None:
        return lines
    lines.append(f"  until    {assignment.deadline:%A %d %B %Y, %H:%M (UTC%z)}")
    late = now - assignment.deadline
    if late > datetime.timedelta(0):
        ago = f"{late.days} days" if late.days > 1 else f"{late.total_seconds() / 3600:.0f} hours"
        lines.append(f"  THE DEADLINE HAS PASSED, {ago} ago: it counts as late ({_penalty(assignment, late)})")
    return lines


def _penalty(assignment: Assignment, late: datetime.timedelta) -> str:
    percent = assignment.late.percent(late)
    return f"{percent:g}% of the points are lost so far" if percent else "nothing is lost yet"
