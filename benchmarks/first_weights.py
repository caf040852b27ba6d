"""The grader's own training: what it reads after few steps, of good first weights and of bad ones.

    python benchmarks/first_weights.py            17 draws of each kind: 204 trainings of right networks a table
    python benchmarks/first_weights.py --precisions float32 bfloat16    each draw in both, and by how much they differ
    python benchmarks/first_weights.py --smoke    one draw and few steps, to see that it runs

Grading trains each right network from its own first weights, by the recipe in assignment.toml, and expects `lowest`
after `steps` of it. This does the same with the ablations' first weights drawn in the ways that students draw them, and
in wrong ones. Those that the grader refuses at sight are trained, too, to show why it looks.
"""

import argparse
import functools
import itertools
import json
import statistics
from typing import Any

import measuring

GOOD = ("the kit's", "the lecture's", "Glorot's, as in Keras", "He's, biases 0")
BAD = ("all 0", "all 0.1", "the kit's x 10", "the kit's x 30", "the kit's x 100", "the kit's / 1000")


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "first_weights")
    parser.add_argument(
        "--steps",
        metavar="N",
        type=measuring.positive,
        nargs="+",
        default=[30, 60],
        help="of the trainings; each number has a table (default: 30 60)",
    )
    parser.add_argument(
        "--draws", type=measuring.positive, default=17, help="of good first weights of a kind (default: %(default)s)"
    )
    parser.add_argument(
        "--bad-draws", type=measuring.positive, default=3, help="of bad ones of a kind (default: %(default)s)"
    )
    parser.add_argument(
        "--precisions",
        nargs="+",
        choices=("auto", "float32", "bfloat16"),
        default=["auto"],
        help="of the trainings; auto is what this processor is fastest in (default: auto)",
    )
    return measuring.parse(parser, steps=[3], draws=1, bad_draws=1)


def main(options: argparse.Namespace) -> None:
    """Train, print the tables, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    draws = dict.fromkeys(GOOD, options.draws) | dict.fromkeys(BAD, options.bad_draws)
    contenders = {
        precision: functools.partial(train, precision, digits, options.steps, draws) for precision in options.precisions
    }
    results = {precision: once[0] for precision, once in measuring.alternate(contenders, 1).items()}
    for steps, precision in itertools.product(options.steps, options.precisions):
        print(f"Test accuracy after {steps} steps, {digits.name}, precision {precision}, median and range:\n")
        print(f"{accuracy_table(results[precision], steps)}\n")
        trainings = [row["steps"][str(steps)] for rows in results[precision].values() for row in rows]
        seconds = [second for training in trainings for second in training["seconds"]]
        print("A training took {} s ({}).\n".format(*measuring.summary(seconds).text(".2f")))
    for steps, pair in itertools.product(options.steps, itertools.combinations(options.precisions, 2)):
        print(f"The same draws after {steps} steps, {pair[0]} minus {pair[1]}, mean and range:\n")
        print(f"{difference_table(results[pair[0]], results[pair[1]], steps)}\n")
    record = [
        {"weights": kind, "precision": precision, **row}
        for precision, kinds in results.items()
        for kind, rows in kinds.items()
        for row in rows
    ]
    measuring.write_record(options, digits, machine, record)


def train(
    precision: str, digits: measuring.Digits, steps: list[int], draws: dict[str, int]
) -> dict[str, list[dict[str, Any]]]:
    """Return what first_weights_process.py prints: for each kind of first weights a row for each ablation."""
    command = ["-m", "benchmarks.first_weights_process", precision, digits.files, json.dumps(steps), json.dumps(draws)]
    return json.loads(measuring.run(*command).stdout.splitlines()[-1])


def accuracy_table(results: dict[str, list[dict[str, Any]]], steps: int) -> str:
    """Format a row for each kind of first weights: how many, whether they are refused at sight, and the accuracies."""
    rows = []
    for kind, networks in results.items():
        accuracies = [network["steps"][str(steps)]["accuracies"] for network in networks]
        refused = sum(len(network["refused"]) for network in networks)
        cells = [measuring.summary(of_one).text(".3f") for of_one in accuracies]
        count = sum(map(len, accuracies))
        rows.append([kind, str(count), str(refused), *(f"{median} ({spread})" for median, spread in cells)])
    return measuring.table(["first weights", "trainings", "refused at sight", "no. 1", "no. 2", "no. 3"], rows)


def difference_table(one: dict[str, list[dict[str, Any]]], other: dict[str, list[dict[str, Any]]], steps: int) -> str:
    """Format a row for each kind of good first weights: by how much the accuracies of the same draws differ."""
    rows = []
    for kind in GOOD:
        cells = []
        for networks in zip(one[kind], other[kind], strict=True):
            accuracies = [network["steps"][str(steps)]["accuracies"] for network in networks]
            differences = [a - b for a, b in zip(*accuracies, strict=True)]
            cells.append(f"{statistics.mean(differences):+.4f} ({min(differences):+.4f} to {max(differences):+.4f})")
        rows.append([kind, *cells])
    return measuring.table(["first weights", "no. 1", "no. 2", "no. 3"], rows)


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
