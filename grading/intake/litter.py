"""What programs leave behind among a student's files, or a system beside the submissions: nobody handed it in."""

import re
from pathlib import Path

# Names of files and folders within a submission. A name that begins with a dot is hidden on most systems: .git, .venv,
# .DS_Store, and the "._" companions that macOS writes beside files. "Icon\r" is a folder's picture on macOS. Windows
# notes a file's origin in a stream, Zone.Identifier, which other systems unpack as a file of its own; U+F03A stands for
# the colon where a Linux or macOS has mounted a Windows disk.
_LITTER = re.compile(
    r"\.(?!\.)[^\\]*|__macosx|__pycache__|.*\.py[co]|thumbs\.db|desktop\.ini|icon[\r\uf00d]|~\$.*|.*[:\uf03a]zone\.identifier"
    r"|venv|node_modules|site-packages",
    re.IGNORECASE | re.DOTALL,
)
_PLACEHOLDER = re.compile(r"\.(.+)\.icloud")  # of a file that macOS has left in its cloud

# Files beside the submissions: the worksheet of Moodle, in any language ("Grades-Course-Assignment-4711.csv", whose
# number is nobody's id); the table of ILIAS; the pages that Brightspace, Blackboard and Moodle put beside; locks of
# office programs.
_SIDE_FILE = re.compile(
    r"[^\W\d_]+-.+-\d+( \(\d+\))?\.csv|status\.(xlsx|xls|csv)|index\.html?|readme\.(md|txt)|\.~lock\..+#",
    re.IGNORECASE,
)
_PARTIAL = re.compile(r"(?P<name>.+)\.(crdownload|part|partial|download|opdownload|!ut|filepart)", re.IGNORECASE)
_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # begins a "._" companion


def is_litter(name: str) -> bool:
    """Tell whether a file or folder of this name within a submission was left behind by a program."""
    return name not in (".", "..") and bool(_LITTER.fullmatch(name))


def placeholder_for(name: str) -> str:
    """Return the name of the file that a placeholder of iCloud stands for; "" where a name is none."""
    match = _PLACEHOLDER.fullmatch(name)
    return match[1] if match else ""


def is_side_file(path: Path) -> bool:
    """Tell whether a file or folder beside the submissions was left there by a program, or by the system itself."""
    name = path.name
    if name.startswith("._") and path.is_file():
        try:
            with open(path, "rb") as file:
                return file.read(4) == _APPLE_DOUBLE
        except OSError:
            return False
    if _SIDE_FILE.fullmatch(name):
        return True
    return is_litter(name) and not name.lower().endswith((".zip", ".py"))


def partial_download(name: str) -> str:
    """Return the name that a download will have when it is complete; "" for a file that is none in the making."""
    match = _PARTIAL.fullmatch(name)
    return match["name"] if match else ""
