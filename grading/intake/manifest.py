"""manifest.json, which `submit.py pack` puts into a zip: what a zip says of itself, which is no more than a claim."""

from dataclasses import dataclass
from pathlib import Path

from grading.intake.contents import Content, open_content
from grading.intake.zips import LIMITS, BadZip, ZipLimits
from labkit.errors import RecordError
from labkit.formats import read_record
from labkit.submission.names import same_number, same_person
from labkit.submission.packing import MANIFEST, ManifestRecord, kit_version
from labkit.text import SHOWN, quoted

MAX_BYTES = 2**16
NAMED = 5  # checks named in a remark


@dataclass(frozen=True)
class Manifest:
    """Who packed a zip, with which version of the kit, and which checks failed then; "" for what it does not say."""

    id: str = ""
    name: str = ""
    surname: str = ""
    kit: str = ""
    forced: bool = False
    failed_checks: tuple[str, ...] = ()
    readable: bool = True

    @property
    def owner(self) -> str:
        """The student who packed the zip, in words."""
        return " ".join(filter(None, (self.id, self.name, self.surname)))

    def doubt(self, claimed_id: str, full_name: str) -> str:
        """Report that the packer is not the student of this id, which may be "", and of this name; "" if it may be."""
        other = self.id and not same_number(self.id, claimed_id)
        if self.owner and (other or not same_person(f"{self.name} {self.surname}", full_name)):
            return f"{MANIFEST} says that {quoted(self.owner)} packed the zip, which its name does not say"
        return ""

    def remarks(self) -> list[str]:
        """List what else an instructor should look at."""
        if not self.readable:
            return [f"{MANIFEST} in the zip can't be read"]
        remarks = []
        if self.forced or self.failed_checks:
            more = ", ..." if len(self.failed_checks) > NAMED else ""
            which = ", ".join(map(quoted, self.failed_checks[:NAMED])) or "it does not say which"
            remarks.append(f"packed with --force, although checks failed: {which}{more}")
        if self.kit and self.kit != kit_version():
            remarks.append(f"packed with the kit {quoted(self.kit)}, which is not the version here ({kit_version()})")
        return remarks


def read_manifest(content: Content | Path, limits: ZipLimits = LIMITS) -> Manifest | None:
    """Read the manifest of a submission, the outermost if there are several; None without one.

    Raises zips.BadZip, or OSError where the file can't be read.
    """
    with open_content(content, limits) as archive:
        members = [member for member in archive.members if member.name == MANIFEST]
        if not members:
            return None
        member = min(members, key=lambda member: (member.path.count("/"), member.path))
        if member.size > MAX_BYTES:
            return Manifest(readable=False)
        try:
            return _parse(b"".join(member.chunks()))
        except BadZip:  # what matters has been read by now, and this does not
            return Manifest(readable=False)


def _parse(data: bytes) -> Manifest:
    try:
        said = read_record(data, ManifestRecord, earlier=True)
    except RecordError:
        return Manifest(readable=False)
    failed = tuple(_text(check) for check in said.failed_checks)
    return Manifest(_text(said.id), _text(said.name), _text(said.surname), _text(said.kit), said.forced, failed)


def _text(value: str) -> str:
    return value.strip()[:SHOWN]
