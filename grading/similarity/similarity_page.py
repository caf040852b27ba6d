"""similarity.html: who shares much, in groups, and the passages side by side. Plain HTML: no scripts, no links out.

Beside it is similarity.json, with the same for programs (similarity_record.py). Whatever the submissions hold, the page
has some megabytes at most, so that a browser opens it.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import BinaryIO

from grading.similarity import similarity_record
from grading.similarity.pairs import Pair, SimilarGroup, Source, find_groups
from grading.similarity.similarity_record import (
    LABEL,
    MOST_LISTED,
    ShownPair,
    ShownPassage,
    Similarities,
    listed_pair,
    party,
    ranges,
    shown_group,
    shown_pair,
    shown_reasons,
    write_similarities,
)
from labkit.files import atomic_file
from labkit.text import printable

FILE = "similarity.html"
MOST_BYTES = 4 * 2**20  # of passages, after which pairs are only listed

_HEAD = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Similar submissions</title>
<style>
body { font: 16px/1.5 sans-serif; margin: 2em auto; max-width: 1400px; padding: 0 1em; color: #222; }
table { border-collapse: collapse; width: 100%; }
.passages { table-layout: fixed; }
th, td { border: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top; }
pre { font: 13px/1.4 monospace; margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
</head>
<body>
<h1>Similar submissions</h1>
<p>Of each pair, the part of the smaller one's own text that is in the other one too: without what the kit handed out
and the reference solutions, and the fewer have a passage, the more it counts. Names and numbers in code do not count,
so renaming hides nothing. <strong>This is where to look, not a verdict.</strong> It has no influence on any mark.</p>
"""


def write_page(
    path: Path,
    pairs: Sequence[Pair],
    compared: str,
    left_out: Sequence[tuple[Source, str]] = (),
    copies: Sequence[Sequence[Source]] = (),
) -> None:
    """Write the page, and the file for programs beside it, each atomically.

    `compared` says in words what was compared, `left_out` has what could not be, with the reason, `copies` the groups
    whose zips are the same. Raises WriteError where the file can't be written.
    """
    groups = find_groups(pairs)
    # What connects a group goes before what else is alike in it: a large one leaves room for the others' passages.
    pairs = [*(pair for group in groups for pair in group.links), *(pair for group in groups for pair in group.others)]
    parts = [_HEAD, f"<p>Compared: {_text(compared)}. Groups: {len(groups)}. Pairs listed: {len(pairs)}.</p>\n"]
    parts += [_copies(copies), _groups(groups), _not_compared(left_out), _overview(pairs)]
    with atomic_file(path) as file:
        file.write("".join(parts).encode())
        shown = _write_passages(file, pairs[:MOST_LISTED])
        file.write(b"</body>\n</html>\n")
    similarities = Similarities(
        compared=printable(compared),
        count={"groups": len(groups), "pairs": len(pairs), "left_out": len(left_out)},
        copies=[list(map(party, group[:MOST_LISTED])) for group in copies],
        groups=list(map(shown_group, groups[:MOST_LISTED])),
        pairs=[*shown, *map(listed_pair, pairs[len(shown) : MOST_LISTED])],
        left_out=shown_reasons(left_out),
    )
    write_similarities(path.with_name(similarity_record.FILE), similarities)


def _write_passages(file: BinaryIO, pairs: Sequence[Pair]) -> list[ShownPair]:
    """Write the passages of pairs until the page is full; return the pairs whose are written, as they are shown."""
    shown, left = [], MOST_BYTES
    for number, pair in enumerate(pairs, 1):
        one = shown_pair(pair)
        text = _pair(number, pair, one).encode()
        left -= len(text)
        if left < 0:
            file.write(f"<p>The page is full: from pair {number} on no passages are shown.</p>\n".encode())
            break
        file.write(text)
        shown.append(one)
    return shown


def _copies(copies: Sequence[Sequence[Source]]) -> str:
    if not copies:
        return ""
    items = "".join(f"<li>{'; '.join(map(_label, group[:MOST_LISTED]))}</li>\n" for group in copies)
    return f"<p>The same zip, byte for byte, came in from several:</p>\n<ul>\n{items}</ul>\n"


def _groups(groups: Sequence[SimilarGroup]) -> str:
    if not groups:
        return ""
    items = "".join(f"<li>{_group(group)}</li>\n" for group in groups[:MOST_LISTED])
    return f"<p>Who shares much, the most alike first:</p>\n<ol>\n{items}</ol>\n{_more(groups)}"


def _group(group: SimilarGroup) -> str:
    """Say on one line how many they are, what they share, and who they are."""
    members = "; ".join(map(_label, group.members[:MOST_LISTED]))
    return f"{len(group.members)} submissions, {_ranges(group)}: {members}"


def _ranges(group: SimilarGroup) -> str:
    return ", ".join(
        f"{kind} {smallest:.0%}" + (f" to {largest:.0%}" if f"{smallest:.0%}" != f"{largest:.0%}" else "")
        for kind, (smallest, largest) in ranges(group).items()
    )


def _not_compared(left_out: Sequence[tuple[Source, str]]) -> str:
    if not left_out:
        return ""
    items = "".join(f"<li>{_label(source)}: {_text(reason)}</li>\n" for source, reason in left_out[:MOST_LISTED])
    return f"<p>Left out of the comparison:</p>\n<ul>\n{items}</ul>\n{_more(left_out)}"


def _overview(pairs: Sequence[Pair]) -> str:
    if not pairs:
        return ""
    rows = "".join(
        f'<tr><td><a href="#pair-{number}">{number}</a></td><td>{_label(pair.first)}</td>'
        f"<td>{_label(pair.second)}</td><td>{_shares(pair)}</td></tr>\n"
        for number, pair in enumerate(pairs[:MOST_LISTED], 1)
    )
    head = "<tr><th>pair</th><th>one</th><th>other</th><th>shared</th></tr>"
    return f"<table>\n{head}\n{rows}</table>\n{_more(pairs)}"


def _more(items: Sequence[object]) -> str:
    return f"<p>... and {len(items) - MOST_LISTED:,} more</p>\n" if len(items) > MOST_LISTED else ""


def _shares(pair: Pair) -> str:
    return ", ".join(f"{kind} {share.part:.0%}" for kind, share in pair.shares.items())


def _pair(number: int, pair: Pair, shown: ShownPair) -> str:
    rows = []
    for kind in pair.shares:
        rows += [
            f"<tr><td>{_side(passage, 0)}</td><td>{_side(passage, 1)}</td></tr>\n"
            for passage in shown.passages
            if passage.kind == kind
        ]
        if more := shown.more_passages.get(kind):
            rows.append(f'<tr><td colspan="2">... and {more} shorter passages of {kind}</td></tr>\n')
    return (
        f'<h2 id="pair-{number}">{number}: {_shares(pair)}</h2>\n<table class="passages">\n'
        f"<tr><th>{_label(pair.first)}</th><th>{_label(pair.second)}</th></tr>\n{''.join(rows)}</table>\n"
    )


def _side(passage: ShownPassage, side: int) -> str:
    more = passage.more_lines[side]
    lines = [*passage.lines[side], *([f"... ({more} more lines)"] if more else [])]
    return f"<strong>{_text(passage.files[side])}</strong> ({passage.kind})<pre>{_text(chr(10).join(lines))}</pre>"


def _label(source: Source) -> str:
    return _text(source.label[:LABEL])


def _text(text: str) -> str:
    return escape(printable(text))
