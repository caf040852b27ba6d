"""Submissions made on purpose: good, flawed, hostile and copied ones, each with the verdict that it should get.

A module here offers a list `CASES` of `Case`; `generate.py` makes a whole class of them.
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ("model_no1", "model_no2", "model_no3")
STAMP = (2026, 1, 1, 12, 0, 0)  # of every member: the same case gives the same bytes

Files = dict[str, bytes]  # paths in a zip, "/" between folders, to contents


@dataclass(frozen=True)
class Case:
    """One submission, and the verdict that it should get.

    Its zip holds a good submission's files (model_no1.py, model_no2.py, model_no3.py, report.pdf) with those of `files`
    in their place or besides; None takes one away. `build` makes anything else: it gets those files, and returns the
    bytes of the zip.

    `expect` maps checks to their status. A check may be a pattern ("architecture/*", the first that fits counts), a
    status may be a choice ("failed|skipped"); every check that is not named has to be passed. `messages` maps checks to
    fragments of their messages. `refused` is a fragment of the intake's message where it refuses the zip, "" where it
    accepts it; `remarks` are fragments of its remarks.
    """

    name: str  # of what it does or attempts, in words joined by "_"; unique
    attempts: str  # the same in a sentence
    kind: str  # "correct"; "odd": full marks all the same; "flawed"; "hostile"
    files: Mapping[str, bytes | str | None] = field(default_factory=dict)
    build: Callable[[Files], bytes] | None = None
    expect: Mapping[str, str] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    remarks: tuple[str, ...] = ()
    zip_name: str = "{id}_{name}_{surname}.zip"
    # Of what is hostile in one script only:
    alone: str = ""  # the code as a script of its own, where it needs nothing of the script around it
    within: Callable[..., "Case"] | None = None  # within(script="model_no2"): the same in another script
    endless: bool = False  # it does not end until its time is over
    ends_sandbox: bool = False  # it has the whole sandbox stopped, so that each script gets one of its own

    def zip(self, good: Files) -> bytes:
        """Return the bytes of this case's zip, made from the files of a good submission."""
        files = dict(good)
        for path, content in self.files.items():
            files.pop(path, None)
            if content is not None:
                files[path] = content.encode() if isinstance(content, str) else content
        return self.build(files) if self.build else make_zip(files)

    def status(self, check: str) -> set[str]:
        """Return the statuses that a check may have."""
        return allowed(self.expect, check)


def allowed(expect: Mapping[str, str], check: str) -> set[str]:
    """Return the statuses that a check may have by the `expect` of a Case."""
    fitting = (status for pattern, status in expect.items() if fnmatchcase(check, pattern))
    return set(next(fitting, "passed").split("|"))


def make_zip(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Make a zip of `files`, in their order; equal files give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, content in files.items():
            member = zipfile.ZipInfo(path, STAMP)
            member.external_attr = 0o644 << 16
            archive.writestr(member, content, compression)
    return buffer.getvalue()


def reference_scripts() -> Files:
    """Read the kit's own solutions, by file name."""
    return {f"{script}.py": (ROOT / f"{script}.py").read_bytes() for script in SCRIPTS}
