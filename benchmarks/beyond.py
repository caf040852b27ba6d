"""How far the layers of deep_mnist.py go: `python beyond_mnist.py`, alone and as committees, and its time.

    python benchmarks/beyond.py               two committees of five, and deep_mnist.py with each of their ten seeds
    python benchmarks/beyond.py --networks 8  of eight
    python benchmarks/beyond.py --resume      go on where a measurement was ended: each network that is done stays
    python benchmarks/beyond.py --smoke       a few steps of each, to see that it runs

deep_mnist.py and beyond_mnist.py take turns, seed by seed, each as a user runs it. The networks of the first half of
the seeds then vote as one committee, and those of the second half as another, which says how far two of them differ.
What is printed of a committee is its accuracy on the test images, with Wilson's interval for as many images.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import measuring
import numpy as np
from measuring import Digits
from scipy import stats

sys.path.insert(0, str(measuring.ROOT))  # first of all, because a module in this folder is called like the grader
from labkit.data.loader import read_data_sets
from labkit.files import atomic_file

SCRIPTS = ("deep_mnist.py", "beyond_mnist.py")
LEVEL = 0.95  # of the intervals


class Trained(NamedTuple):
    """What a script, run with one seed, cost and reached."""

    accuracy: float  # on the test images
    seconds: float  # wall time of the process


class Committee(NamedTuple):
    """What networks that vote reach."""

    accuracies: list[float]  # of the first one, of the first two, and so on, on the test images
    predictions: np.ndarray  # (images,), of all


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "beyond")
    parser.add_argument(
        "--networks", type=measuring.positive, default=5, help="in each of the two committees (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="the first of them (default: %(default)s)")
    parser.add_argument(
        "--steps", type=measuring.positive, default=None, help="of each script (default: what it takes by itself)"
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        default=Path("results", "benchmarks", "beyond"),
        help="where the networks are kept, and what they took (default: %(default)s)",
    )
    parser.add_argument("--resume", action="store_true", help="go on in that folder, by the same code")
    return measuring.parse(parser, networks=1, steps=10)


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    flags = (*digits.flags, *(["--steps", str(options.steps)] if options.steps else []))
    options.folder.mkdir(parents=True, exist_ok=True)
    if not options.resume and any(options.folder.iterdir()):
        raise measuring.BenchmarkError(
            f"{options.folder} holds an earlier measurement: --resume goes on with it; else give another --folder"
        )
    trained = train(options, flags)
    firsts = (options.seed, options.seed + options.networks)
    committees = [vote(options.networks, first, flags, options.folder) for first in firsts]

    print(f"Single networks, {digits.name}\n\n{single_table(trained)}\n")
    print(f"Each seed\n\n{seed_table(trained, options.seed)}\n")
    labels = test_labels(digits)
    print(f"Networks that vote\n\n{committee_table(committees, len(labels))}\n")
    first, second = (committee.predictions == labels for committee in committees)
    print(comparison(int(np.sum(first & ~second)), int(np.sum(second & ~first)), int(np.sum(~first & ~second))))
    results = {script: [run._asdict() for run in runs] for script, runs in trained.items()}
    votes = [committee.accuracies for committee in committees]
    measuring.write_record(options, digits, machine, results | {"committees": votes})


def train(options: argparse.Namespace, flags: tuple[str, ...]) -> dict[str, list[Trained]]:
    """Run both scripts with each seed, by turns, but for what the folder has already."""
    trained: dict[str, list[Trained]] = {script: [] for script in SCRIPTS}
    with measuring.progress(2 * 2 * options.networks) as bar:
        for seed, script in turns(options):
            bar.set_postfix_str(f"{script}, seed {seed}")
            kept = options.folder / f"{script}-{seed}.json"
            if not kept.exists():
                process = measuring.run(script, *flags, "--seed", seed, "--results-dir", options.folder.resolve())
                run = Trained(accuracies(process.stdout)[-1], process.seconds)
                with atomic_file(kept) as file:
                    file.write(json.dumps({"flags": flags, **run._asdict()}).encode())
            measured = json.loads(kept.read_text(encoding="utf-8"))
            if measured.pop("flags") != list(flags):
                raise measuring.BenchmarkError(f"{kept} was measured with other flags: give another --folder")
            trained[script].append(Trained(**measured))
            bar.update()
    return trained


def turns(options: argparse.Namespace) -> Iterator[tuple[int, str]]:
    """Yield seed and script of each training; the script that begins changes from seed to seed."""
    for number in range(2 * options.networks):
        for script in SCRIPTS[:: -1 if number % 2 else 1]:
            yield options.seed + number, script


def vote(networks: int, first: int, flags: tuple[str, ...], folder: Path) -> Committee:
    """Have the networks of these seeds vote, which are trained already."""
    committee = ("--committee", networks, "--seed", first, "--resume")
    process = measuring.run("beyond_mnist.py", *flags, *committee, "--results-dir", folder.resolve())
    if networks == 1:  # it has nobody to vote with
        reached, name = accuracies(process.stdout), f"seed-{first}"
    else:
        reached = [float(line) for line in re.findall(r"^accuracy of .* vote: ([\d.]+)$", process.stdout, re.MULTILINE)]
        name = f"committee-{first}-to-{first + networks - 1}"
    return Committee(reached, np.load(Path(folder, "beyond_mnist", name, "predictions.npy")))


def accuracies(stdout: str) -> list[float]:
    """Return the test accuracies that a script printed."""
    return [float(line) for line in re.findall(r"^test accuracy ([\d.]+)", stdout, re.MULTILINE)]


def test_labels(digits: Digits) -> np.ndarray:
    """Read the labels of the test images: (images,)."""
    return np.asarray(read_data_sets(digits.data_dir, dataset=digits.dataset).test.labels)


# -------------------------------------------------------------------------------------------------------------- tables


def single_table(trained: dict[str, list[Trained]]) -> str:
    """Format what each script reached, and its time, by that of deep_mnist.py with the same seed, too."""
    rows = []
    for script, runs in trained.items():
        reached = measuring.summary([run.accuracy for run in runs])
        seconds = [run.seconds for run in runs]
        times = measuring.ratio(seconds, [run.seconds for run in trained["deep_mnist.py"]])
        row = [script, str(len(runs)), *reached.text(".4f"), *measuring.summary(seconds).text(",.1f"), f"{times:.1f}"]
        rows.append(row)
    headers = ["script", "seeds", "accuracy, median", "spread", "seconds", "spread", "/ deep_mnist.py"]
    return measuring.table(headers, rows)


def seed_table(trained: dict[str, list[Trained]], first: int) -> str:
    """Format what each seed reached and took, from the first one on."""
    rows = []
    for seed, (deep, beyond) in enumerate(zip(*(trained[script] for script in SCRIPTS), strict=True), start=first):
        times = [f"{deep.seconds:,.1f}", f"{beyond.seconds:,.1f}", f"{beyond.seconds / deep.seconds:.1f}"]
        rows.append([str(seed), f"{deep.accuracy:.4f}", f"{beyond.accuracy:.4f}", *times])
    return measuring.table(["seed", *SCRIPTS, *(f"{script}, s" for script in SCRIPTS), "ratio"], rows)


def committee_table(committees: list[Committee], images: int) -> str:
    """Format what each number of networks reaches together, in either committee."""
    rows = []
    for number, reached in enumerate(zip(*(committee.accuracies for committee in committees), strict=True), start=1):
        row = [str(number)]
        for accuracy in reached:
            interval = stats.binomtest(round(accuracy * images), images).proportion_ci(LEVEL, method="wilson")
            row += [f"{accuracy:.4f}", f"{interval.low:.4f} to {interval.high:.4f}"]
        rows.append(row)
    return measuring.table(["networks", "the first ones", "95% interval", "the others", "95% interval"], rows)


def comparison(only_first: int, only_second: int, neither: int) -> str:
    """Say what McNemar's exact test makes of two committees, by the images that one of them alone gets right."""
    differ = only_first + only_second
    p = stats.binomtest(only_first, differ).pvalue if differ else 1.0
    return (
        f"The first committee alone is right about {only_first} images, the second alone about {only_second}, "
        f"neither about {neither}; McNemar's exact test: p = {p:.2f}"
    )


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
