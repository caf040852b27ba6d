"""Reads the kit's documents: their links, anchors, paths and commands."""

import re
from pathlib import Path

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
# How a code span in a sentence or a table begins, where it is a command.
COMMAND = re.compile(r"(?:python3?|py|pip|\.venv/bin/\w+|tensorboard|sudo|source|export|unset|ruff) .+|\.ci/run")


def without_code(text: str) -> str:
    """Return a document without blocks of code, and without code spans."""
    return SPAN.sub("", FENCE.sub("", text))


def links(text: str) -> list[str]:
    """Return the targets of all links and pictures."""
    return LINK.findall(SPAN.sub("code", FENCE.sub("", text)))  # a code span may be what a link is on


def anchors(text: str) -> set[str]:
    """Return the anchors of all headings, as forges make them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        before = sum(re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other) is not None for other in found)
        found.append(f"{anchor}-{before}" if before else anchor)
    return set(found)


def dead_links(document: Path) -> list[str]:
    """Return the links of a document that lead nowhere, except web addresses."""
    text, dead = document.read_text(encoding="utf-8"), []
    for link in links(text):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    return dead


def commands(text: str) -> list[str]:
    """Return the commands of a document, in their order: lines of `sh` blocks, and code spans that look like one."""
    found = []
    for part in re.split(r"(^ *```\w*\n.*?^ *```$)", text, flags=re.MULTILINE | re.DOTALL):
        block = FENCE.fullmatch(part)
        if block is None:
            found += [span for span in SPAN.findall(part) if COMMAND.fullmatch(span)]
        elif block[1] == "sh":
            lines = re.sub(r"\\\n\s*", "", block[2]).splitlines()
            found += [line for line in (re.sub(r"\s+# .*", "", line).strip() for line in lines) if line]
    return found
