"""Trains the full network and its three ablations over several seeds, and says what each layer was worth.

    python compare.py                      5 seeds of each, about 6 minutes on two cores; then look into results/
    python compare.py --seeds 2 --steps 50 --results-dir try     a quick look at what comes out
    python compare.py --networks deep_mnist model_no1            while model_no2.py is not written yet

Each training is a lab script in a process of its own, with the result that the script alone would have. What is
finished is used again: after Ctrl-C, a power cut or a change to one of the scripts the same command trains only what is
missing. One table is of one kind: same data, flags, packages and machine; where results of another kind are in the way,
this says which, and leaves them alone.
"""

import argparse
import contextlib
import sys
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from labkit import startup
from labkit.data import loader
from labkit.errors import KitError
from labkit.formats import RunRecord
from labkit.run.flags import FLAGS
from labkit.study import trainings
from labkit.study.finished import OtherNetworkError, find_finished, read_run
from labkit.study.jobs import NETWORKS, NO_RECORD, StudyError, TrainingJob, find_jobs, say
from labkit.study.script_differences import unlike_scripts

EPILOG = """\
results, in RESULTS_DIR (default: results):
  ablation.md          tables, conclusions, and what they rest on, to paste into the report
  ablation.csv         a row for each run
  ablation.png         accuracy with intervals, time against accuracy, learning curves
  ablation_digits.png  which digits suffer when a layer goes
  <script>/seed-<n>/   each run, as the script itself leaves it
exit status: 0 success, 1 a failure reported on stderr (the tables are of what did finish), 2 a bad flag, 130 Ctrl-C"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options, given = parse(arguments)
    try:
        with trainings.no_training_left_behind():
            return study(options, given)
    except KeyboardInterrupt:
        say("stopped by Ctrl-C; the same command continues from here")
        return 130
    except ImportError as error:
        say(f"error: a package is missing ({error}); to install it: pip install -r requirements.txt")
    except (KitError, OSError) as error:
        say(f"error: {' '.join(str(error).split())}")  # the loader's errors have a line for each mirror
    return 1


def parse(arguments: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """Parse the command line; return the options of the study, and a dict of the lab flags that were given."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --seed would be taken for --seeds
    )
    count = FLAGS["--steps"]["type"]
    parser.add_argument(
        "--seeds", type=count, default=5, metavar="N", help="train each network with the seeds 0 to N - 1 (default: 5)"
    )
    parser.add_argument(
        "--networks", nargs="+", choices=NETWORKS, default=NETWORKS, help="which to compare (default: all four)"
    )
    parser.add_argument(
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="trainings at once, which share the processors out among them; each takes up to 1.2 GB (default: 1)",
    )
    passed_on = parser.add_argument_group("flags of the lab scripts, passed on to each training")
    for name, settings in FLAGS.items():
        if name not in ("--epochs", "--seed", "--resume", "--summary", "--test-only"):
            text = settings["help"].replace("%(default)s", "the script's own")
            passed_on.add_argument(name, **settings | {"default": argparse.SUPPRESS, "help": text})
    given = vars(parser.parse_args(arguments))
    options = argparse.Namespace(**{name: given.pop(name) for name in ("seeds", "networks", "jobs")})
    if options.jobs > trainings.processors():
        parser.error(f"--jobs {options.jobs} is more than the {trainings.processors()} processors that there are")
    return options, given


def study(options: argparse.Namespace, given: dict[str, Any]) -> int:
    """Train what is missing, write tables and pictures, and print the conclusions; return the exit status."""
    from labkit.study import ablation  # here, because it takes a second, and --help should not

    data = loader.read_data_sets(given.get("data_dir") or startup.data_folder(), dataset=given.get("dataset", "auto"))
    labels = data.test.labels  # (10000,)
    jobs, faults = find_jobs(set(options.networks), options.seeds, given, data)
    notes = unlike_scripts(job.network for job in jobs)
    for note in notes:
        say(note)
    finished, mismatched = find_finished(jobs, labels)
    jobs = [job for job in jobs if job.network not in mismatched]
    # Not "auto": were the data to vanish meanwhile, half of the study would be on synthetic digits.
    passed_on = given | {"dataset": "mnist" if data.name == "MNIST" else "synthetic"}
    faults |= mismatched | train_missing(jobs, finished, labels, options.jobs, passed_on)

    runs = defaultdict(list)
    for job in sorted(finished, key=jobs.index):
        runs[job.network].append(ablation.FinishedRun(job.network, job.seed, *finished[job]))
    if runs:
        notes += [f"Missing: {name}, because {fault}" for name, fault in faults.items()]
        if options.jobs > 1:
            notes.append(f"Trained {options.jobs} at once: times are longer than of one training alone")
        paths = ablation.write(runs, labels, Path(given.get("results_dir", "results")), notes)
        print(ablation.main_table(runs), *ablation.conclusions(runs, labels), sep="\n")
        print(f"written: {', '.join(map(str, paths))}", flush=True)
    else:
        say("error: there is no finished run to make a table of")
    for name, fault in faults.items():
        say(f"failed: {name}: {fault}")
    return 1 if faults or not runs else 0


def train_missing(
    jobs: Sequence[TrainingJob],
    finished: dict[TrainingJob, tuple[RunRecord, np.ndarray]],
    labels: np.ndarray,
    at_once: int,
    flags: dict[str, Any],
) -> dict[str, str]:
    """Train the jobs that are not in `finished`, and add them to it; return {name of a job: why it failed}.

    Where a network turns out to be another than its name says, or its script has a mistake, its other seeds are not
    tried.
    """
    waiting, faults = deque(job for job in jobs if job not in finished), {}
    bar = tqdm(
        total=len(jobs),
        initial=len(finished),
        bar_format="{n_fmt} of {total_fmt} runs |{bar}| {elapsed} gone{postfix}",
        dynamic_ncols=True,
        disable=None,
    )
    with bar, contextlib.closing(trainings.train(waiting, at_once, flags, bar)) as ended:
        for job, fault in ended:
            try:
                if fault:
                    raise StudyError(fault)
                record, _ = finished[job] = read_run(job, labels)
                bar.write(f"{job}: test accuracy {record['test_accuracy']:.4f}, {record['training_seconds']:.1f} s")
            except StudyError as error:
                mismatch = isinstance(error, OtherNetworkError)
                given_up = [other for other in waiting if other.network == job.network]
                given_up = given_up if mismatch or is_its_own(str(error), job.network) else []
                for other in given_up:
                    waiting.remove(other)
                    bar.total -= 1
                seeds = ", ".join(str(other.seed) for other in given_up)
                message = f"{error}; so not tried with seed {seeds}" if given_up and not mismatch else str(error)
                faults[job.network if mismatch else str(job)] = message
                bar.write(f"{job} failed: {message}", file=sys.stderr)
    return faults


def is_its_own(fault: str, network: str) -> bool:
    """Tell whether a fault is a mistake in the network's script, which will recur with the next seed."""
    return fault.startswith(f"{network}.py") or NO_RECORD in fault
