"""Who has the scripts run: a student, or a check or the grader, which want less of a run, and watch it.

Whoever is not a student says so with `hosted`; lab.py, input_data.py and what is behind them go by `current`.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from labkit.mistakes import RunsOnImport


@dataclass(frozen=True)
class Host:
    """What a host wants otherwise than a student does.

    `read_data_sets`, called with one_hot, dtype, reshape and seed, replaces what the loader reads; `checkpoints` the
    class of a run's checkpoints; `precision` the flag of that name. `began` is called with each lab.Run that is made,
    `ended` when it is finished.
    """

    importing: bool = False  # scripts are imported only: what asks for flags, data or a run raises RunsOnImport
    read_data_sets: Callable[..., Any] | None = None
    checkpoints: type | None = None
    precision: str | None = None
    validates: bool = True  # on the way, which takes time; a run's end is validated all the same
    advises: bool = True  # warns of a network that is not the one asked for
    began: Callable[[Any], None] | None = None
    ended: Callable[[Any], None] | None = None


current = Host()


@contextlib.contextmanager
def hosted(host: Host) -> Iterator[None]:
    """Set `host` as the one that runs scripts, or only imports them, until the block ends."""
    global current
    before, current = current, host
    try:
        yield
    finally:
        current = before


def refuse_while_importing() -> None:
    """Raise RunsOnImport where a script is only imported: whatever calls this starts to run it."""
    if current.importing:
        raise RunsOnImport
