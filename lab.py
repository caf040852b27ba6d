"""What every lab script does the same around its model: flags, seed, progress bar, record, TensorBoard, checkpoint.

A script calls `parse_flags` and `run_script`, and its `main` calls `read_data` and a `Run`: `steps` or `rounds`, `log`,
`test`, `finish`. All of it is in labkit/run/. The scripts in exercises/ use what else is here.
"""
# ruff: noqa: E402

from labkit import startup

startup.check("numpy", "tqdm", "tensorflow", "matplotlib")

from labkit.errors import LabError
from labkit.run.committee import committee_folder, members, print_votes
from labkit.run.entry import require, run_script, watch_script
from labkit.run.evaluation import print_accuracy
from labkit.run.feature_maps import feature_maps
from labkit.run.flags import parse_flags
from labkit.run.frame import Run
from labkit.run.preparation import pick_precision, read_data
from labkit.run.record import run_folder, write_predictions
from labkit.run.schedule import learning_rate

watch_script()

__all__ = [
    "LabError",
    "Run",
    "committee_folder",
    "feature_maps",
    "learning_rate",
    "members",
    "parse_flags",
    "pick_precision",
    "print_accuracy",
    "print_votes",
    "read_data",
    "require",
    "run_folder",
    "run_script",
    "write_predictions",
]
