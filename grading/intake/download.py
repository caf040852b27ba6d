"""A system's own download, given as the zip that it is: unpacked by the grader's rules, for as long as it is graded."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from grading.intake.sources import recognise
from grading.intake.zips import BadZip, Member, ZipLimits, open_zip
from labkit.errors import KitError
from labkit.text import quoted

# Of a class's download, which the instructor chose: room for some 500 students' zips of the largest size that is
# accepted.
LIMITS = ZipLimits(
    zip_bytes=50 * 2**30,
    listing_bytes=64 * 2**20,
    members=200_000,
    total_bytes=50 * 2**30,
    path_chars=1000,
    depth=16,
)


class DownloadError(KitError):
    """A download can't be used; the text says why and what to do."""


def is_download(path: Path) -> bool:
    """Tell whether a zip holds what a system names as several students': it is a download, and no submission."""
    with contextlib.suppress(BadZip, OSError), open_zip(path, LIMITS, []) as archive:
        starts = {Path(part) for member in archive.members for part in member.path.split("/")[:2]}
        return len({(upload.system, upload.key) for start in starts if (upload := recognise(start))}) > 1
    return False


@contextlib.contextmanager
def unpacked_download(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Unpack a download to a temporary folder; yield that and what was left out, and remove the folder afterwards.

    Files get the times that the zip has for them. A file that could do harm is left out, so that no student stops the
    class. Raises DownloadError for what is no zip, and OSError where writing fails.
    """
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as scratch:
        folder, left_out = Path(scratch), []
        try:
            with open_zip(path, LIMITS, left_out) as archive:
                for member in archive.members:
                    _write(member, folder, left_out)
        except BadZip as error:
            raise DownloadError(
                f"{path} is no download of a class that can be unpacked: {error} If it is one, unpack it yourself, and "
                "give the folder"
            ) from error
        yield folder, left_out


def _write(member: Member, folder: Path, left_out: list[str]) -> None:
    target = folder.joinpath(*member.path.split("/"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target, "xb") as file:
            for chunk in member.chunks():
                file.write(chunk)
    except (FileExistsError, NotADirectoryError):
        left_out.append(f"{quoted(member.path)} is in the zip twice, or is both a file and a folder")
        return
    except BadZip as error:
        target.unlink()
        left_out.append(str(error))
        return
    if member.modified:
        os.utime(target, (member.modified, member.modified))
