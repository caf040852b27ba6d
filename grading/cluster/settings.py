"""What `python -m grading cluster` gives to the processes of a worker, in environment variables."""

import json
import os
from dataclasses import asdict, dataclass

SETTINGS = "GRADING_WORKER"  # the environment variable by which a worker's processes get theirs
SCRATCH = "GRADING_SCRATCH"  # that of the folder for their temporary files
TRIES = 3  # of a unit, before the grader has failed on it; as many workers may die of one


@dataclass(frozen=True)
class Settings:
    """What the processes of a worker need to know: its proof, and where MNIST is."""

    proof: str
    data: str
    unsafe: bool

    def environment(self) -> dict[str, str]:
        """Return them as environment variables."""
        return {SETTINGS: json.dumps(asdict(self))}


def settings() -> Settings:
    """Return the settings of this process; raise KeyError where it is no worker of the grader's."""
    return Settings(**json.loads(os.environ[SETTINGS]))
