"""What the instructor decides against, or in place of, a check: a cell of manual.csv.

    architecture/model_no1 = 10: the pooling is there, two lines further down; malus = 5: group work

Each decision is a check with its points, or `malus` with those that are taken off, and after a colon the reason, which
the student reads. Several stand behind each other with a semicolon between, or on lines of their own in the cell.
"""

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from labkit.text import as_number, quoted

MALUS = "malus"
MOST_MALUS = 1000.0  # points; a score never gets below 0
EXPECTED = '"check = points: reason", as in "architecture/model_no1 = 10: the pooling is there", with ; between several'

_DECISION = re.compile(r"(?P<name>[^=:]+)=(?P<points>[^:]*):(?P<reason>.*)", re.DOTALL)
_ANOTHER = re.compile(r"(?:malus|\w+/\w+)\s*=\s*[\d.,]+\s*:", re.IGNORECASE)  # a decision that the student would read
_BETWEEN = re.compile(r"[;\n]\s*(?=[a-z][\w ]*(?:/[\w ]+)?=)", re.IGNORECASE)  # a reason may have semicolons, too


@dataclass(frozen=True)
class Decision:
    """The points that the instructor gives for a check, or takes off as a malus, and why."""

    points: float
    reason: str


def read_decisions(text: str, max_points: Mapping[str, float]) -> dict[str, Decision]:
    """Parse the decisions of a cell, by the name of the check, or MALUS.

    `max_points` has the maximum points of each check. Raises ValueError, which says what is wrong and what is expected,
    for a text of another form, an unknown check, points beyond its own, and a missing reason.
    """
    decisions: dict[str, Decision] = {}
    for part in _BETWEEN.split(text.strip().rstrip(";")) if text.strip() else []:
        match = _DECISION.fullmatch(part)
        if not match:
            raise ValueError(f'"{part.strip()}" is not {EXPECTED}')
        name = re.sub(r"\s", "", match["name"]).lower()
        if name in decisions:
            raise ValueError(f"{name} is there twice; keep one of them")
        points = _points(name, match["points"].strip(), max_points)
        reason = " ".join(match["reason"].split())
        if not reason:
            raise ValueError(f"{name} has no reason, which the student is to read; write it behind a colon")
        if another := _ANOTHER.search(reason):
            raise ValueError(f'the reason for {name} has another decision in it, "{another[0]}": put a ; before that')
        decisions[name] = Decision(points, reason)
    return decisions


def written_decisions(decisions: Mapping[str, Decision]) -> str:
    """Write decisions as a cell, so that `read_decisions` reads these again.

    Raises ValueError, which says what is expected, for what can't be written so: a reason that is empty, that has line
    ends or several spaces in a row, that ends with a semicolon, or that has what looks like another decision in it.
    """
    parts = []
    for name, decision in decisions.items():
        points, reason = float(decision.points), decision.reason
        if reason != " ".join(reason.split()) or reason.endswith(";") or _BETWEEN.search(reason):
            raise ValueError(
                f"the reason for {name}, {quoted(reason)}, would be read otherwise: write it in one line with single "
                'spaces, without a ; at its end, and without one before a word and "="'
            )
        part = f"{name} = {f'{points:.0f}' if points.is_integer() else repr(points)}: {reason}"
        read_decisions(part, {name: sys.float_info.max})  # it may be refused for more
        parts.append(part)
    return "; ".join(parts)


def _points(name: str, text: str, max_points: Mapping[str, float]) -> float:
    if name != MALUS and name not in max_points:
        near = difflib.get_close_matches(name, [*max_points, MALUS], n=1)
        instead = (
            f'did you mean "{near[0]}"?' if near else f"the checks are {', '.join(max_points)}; and there is {MALUS}"
        )
        raise ValueError(f'there is no check "{name}"; {instead}')
    highest = MOST_MALUS if name == MALUS else max_points[name]
    points = as_number(text)
    if points is None or not 0 <= points <= highest:
        off = ", without a sign: the points that are taken off" if name == MALUS else ""
        raise ValueError(f'{name}: "{text}" is not a number from 0 to {highest:g}{off}')
    return points
