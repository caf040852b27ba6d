"""Code that only one student would write, and what somebody who copies it makes of it: the same under other names."""

import random
import re

WORDS = re.findall(
    r"\w+",
    """digit row total share count width best rate history batch margin depth scale offset table picture curve weight
    step noise limit score pixel edge layer colour sample trial median bound window level""",
)
FORMS = (
    "{a} = {b} * {n} + {c}",
    "{a} = [{b} + {c} for {b} in {c}]",
    "{a}.append(({b}, {c}))",
    "{a}[{b}] = {c}",
    "{a} = max({b}, {c})",
    "{a} = sorted({b}, key=lambda {c}: {c}[0])",
    "{a}, {b} = {b}, {a} - {c}",
    "{a} = {b}[{n}:{c}]",
    "{a} -= {b} / ({c} + {n})",
    "{a} = {b} if {c} else {n}",
    "{a} = dict(zip({b}, {c}))",
    "{a} = sum({b}) / len({c})",
    "{a} = str({b}).rjust({n}) + {c}",
    "assert {a} <= {b}, {c}",
    "if {a} > {b}:",
    "for {a} in range({b}, {c}):",
    "while {a} < {b} - {n}:",
)


def with_own_work(script: bytes, structure: random.Random, names: random.Random) -> bytes:
    """Add some functions to a script, which it does not call.

    `structure` chooses the statements, `names` the names: a copy has the former in common.
    """
    functions = "".join(f"{_function(structure, names)}\n\n\n" for _ in range(4))
    return script.replace(b"def main(flags):", functions.encode() + b"def main(flags):")


def _function(structure: random.Random, names: random.Random) -> str:
    words = names.sample(WORDS, 8)
    lines = [f"def {words[0]}_{words[1]}({words[2]}, {words[3]}):"]
    depth = 1
    for _ in range(structure.randrange(9, 14)):
        places = structure.sample(range(2, 8), 3)
        form, number = structure.choice(FORMS), structure.randrange(2, 90)
        lines.append(
            "    " * depth + form.format(**dict(zip("abc", (words[p] for p in places), strict=True)), n=number)
        )
        if form.endswith(":"):
            depth += 1
        elif depth > 1 and structure.random() < 0.4:
            depth -= 1
    return "\n".join([*lines, "    " * depth + f"return {words[structure.randrange(2, 8)]}"])
