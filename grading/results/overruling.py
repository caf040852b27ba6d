"""What the instructor decides against, or in place of, a check: a cell of manual.csv.

    architecture/model_no1 = 10: the pooling is there, two lines further down; malus = 5: group work

Each decision is a check with its points, or `malus` with those that are taken off, and after a colon the reason, which
the student reads. Several stand behind each other with a semicolon between, or on lines of their own in the cell.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

MALUS = "malus"
MOST_MALUS = 1000.0  # points; a score never gets below 0
EXPECTED = '"check = points: reason", as in "architecture/model_no1 = 10: the pooling is there", with ; between several'

_DECISION = re.compile(r"(?P<name>[^=:]+)=(?P<points>[^:]*):(?P<reason>.*)", re.DOTALL)
_BETWEEN = re.compile(r"[;\n]\s*(?=[a-z][\w ]*(?:/[\w ]+)?=)", re.IGNORECASE)  # a reason may have semicolons, too


@dataclass(frozen=True)
class Decision:
    """The points that the instructor gives for a check, or takes off as a malus, and why."""

    points: float
    reason: str


def read_decisions(text: str, most: Mapping[str, float]) -> dict[str, Decision]:
    """Parse the decisions of a cell, by the name of the check, or MALUS.

    `most` has the maximum points of each check. Raises ValueError, which says what is wrong and what is expected, for
    a text of another form, an unknown check, points beyond its own, and a missing reason.
    """
    decisions: dict[str, Decision] = {}
    for part in _BETWEEN.split(text.strip().rstrip(";")) if text.strip() else []:
        found = _DECISION.fullmatch(part)
        if not found:
            raise ValueError(f'"{part.strip()}" is not {EXPECTED}')
        name = re.sub(r"\s", "", found["name"]).lower()
        if name in decisions:
            raise ValueError(f"{name} is there twice; keep one of them")
        points = _points(name, found["points"].strip(), most)
        reason = " ".join(found["reason"].split())
        if not reason:
            raise ValueError(f"{name} has no reason, which the student is to read; write it behind a colon")
        decisions[name] = Decision(points, reason)
    return decisions


def _points(name: str, text: str, most: Mapping[str, float]) -> float:
    if name != MALUS and name not in most:
        near = difflib.get_close_matches(name, [*most, MALUS], n=1)
        instead = f'did you mean "{near[0]}"?' if near else f"the checks are {', '.join(most)}; and there is {MALUS}"
        raise ValueError(f'there is no check "{name}"; {instead}')
    highest = MOST_MALUS if name == MALUS else most[name]
    try:
        points = float(text.replace(",", "."))
    except ValueError:
        points = math.nan
    if not 0 <= points <= highest:
        off = ", without a sign: the points that are taken off" if name == MALUS else ""
        raise ValueError(f'{name}: "{text}" is not a number from 0 to {highest:g}{off}')
    return points
