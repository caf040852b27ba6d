"""similarity.html: the pairs that share much, with the passages side by side. Plain HTML: no scripts, no links out."""

from html import escape

from grading.names import printable
from grading.similarity import passages
from idx_files import atomic_file

FILE = "similarity.html"
MOST_PAIRS = 200  # of which passages are shown
MOST_PASSAGES = 8  # of a kind in a pair
MOST_LINES = 40  # of a passage

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
<p>Of each pair, the part of the smaller one's own text that is in the other one too: without what the kit handed out,
the reference solutions, and what many of the class have in common. Names and numbers in code do not count, so renaming
hides nothing. <strong>This is where to look, not a verdict.</strong> It has no influence on any mark.</p>
"""


def write_page(path, pairs, compared):
    """Writes the page, atomically; `compared` says in words what was compared."""
    parts = [_HEAD, f"<p>Compared: {_text(compared)}. Pairs listed: {len(pairs)}.</p>\n", _overview(pairs)]
    with atomic_file(path) as file:  # pair by pair: only one is in memory
        for part in parts:
            file.write(part.encode())
        for number, pair in enumerate(pairs[:MOST_PAIRS], 1):
            file.write(_pair(number, pair).encode())
        file.write(b"</body>\n</html>\n")


def _overview(pairs):
    if not pairs:
        return ""
    rows = "".join(
        f'<tr><td><a href="#pair-{number}">{number}</a></td><td>{_text(pair.first.label)}</td>'
        f"<td>{_text(pair.second.label)}</td><td>{_shares(pair)}</td></tr>\n"
        for number, pair in enumerate(pairs, 1)
    )
    return f"<table>\n<tr><th>pair</th><th>one</th><th>other</th><th>shared</th></tr>\n{rows}</table>\n"


def _shares(pair):
    return ", ".join(f"{kind} {share.part:.0%}" for kind, share in pair.shares.items())


def _pair(number, pair):
    rows = []
    for kind in pair.shares:
        found = passages(pair, kind)
        rows += [
            f"<tr><td>{_side(passage, 0)}</td><td>{_side(passage, 1)}</td></tr>\n" for passage in found[:MOST_PASSAGES]
        ]
        if len(found) > MOST_PASSAGES:
            more = len(found) - MOST_PASSAGES
            rows.append(f'<tr><td colspan="2">... and {more} shorter passages of {kind}</td></tr>\n')
    return (
        f'<h2 id="pair-{number}">{number}: {_shares(pair)}</h2>\n<table class="passages">\n'
        f"<tr><th>{_text(pair.first.label)}</th><th>{_text(pair.second.label)}</th></tr>\n{''.join(rows)}</table>\n"
    )


def _side(passage, side):
    lines = passage.texts[side].split("\n")
    shown = lines[:MOST_LINES] + [f"... ({len(lines) - MOST_LINES} more lines)"] * (len(lines) > MOST_LINES)
    return f"<strong>{_text(passage.files[side])}</strong> ({passage.kind})<pre>{_text(chr(10).join(shown))}</pre>"


def _text(text):
    return escape(printable(text))
