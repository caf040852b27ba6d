"""Arithmetic rate: what the processor can do, what each layer of the network gets of it, and the whole training step.

    python benchmarks/arithmetic.py            five rounds at batches of 50, 100 and 256
    python benchmarks/arithmetic.py --smoke    small ones, to see that it runs

The machine's peak, in either precision, is that of one large matrix product through TensorFlow. Each layer is timed
on its own: forward, the gradient to its weights, and the gradient to its inputs. The whole step is `deep_mnist.py` as a
user runs it. All take turns, round by round. A multiply-add counts as two operations. What does none (pooling, ReLU,
dropout, Adam) counts as nothing, but the whole step's time has it in, which is one reason why the step reaches less
than its layers do.
"""

import argparse
import functools
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import lab_runs
import measuring
from layers import LAYERS, OPERATIONS_PER_IMAGE

PRECISIONS = ("float32", "bfloat16")


class Case(NamedTuple):
    """One thing whose rate is measured."""

    name: str  # "peak", the name of a layer, or "step"
    pass_: str  # of the layer
    size: int  # of the batch, or of the peak's matrices
    precision: str


Rates = dict[Case, list[float]]  # GFLOP/s in each round


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = measuring.new_parser(__doc__, "arithmetic")
    parser.add_argument(
        "--rounds", type=measuring.positive, default=5, help="times that each is measured (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=measuring.positive, default=300, help="of a training, 100 or more (default: %(default)s)"
    )
    measuring.add_batch_sizes(parser)
    parser.add_argument(
        "--matrix-size",
        type=measuring.positive,
        default=4096,
        help="rows and columns of the matrices that find the peak (default: %(default)s)",
    )
    return measuring.parse(parser, rounds=1, steps=100, batch_sizes=[10], matrix_size=512)


def main(options: argparse.Namespace) -> None:
    """Measure, print the tables, and write the record."""
    machine = measuring.print_machine()
    digits = measuring.prepare_digits(options)
    contenders = {"operations": functools.partial(measure_operations, options.matrix_size, options.batch_sizes)}
    for size in options.batch_sizes:
        for precision in PRECISIONS:
            case = Case("step", "", size, precision)
            contenders[f"step, {size}, {precision}"] = functools.partial(measure_step, case, digits, options.steps)
    rates = collect(measuring.alternate(contenders, options.rounds))

    print_peak(rates, options.matrix_size)
    peaks = {
        precision: measuring.summary(rates[Case("peak", "", options.matrix_size, precision)]).median
        for precision in PRECISIONS
    }
    for size in options.batch_sizes:
        print_layers(rates, peaks, size)
    print_steps(rates, peaks, digits)
    results = [case._asdict() | {"gflop_per_second": values} for case, values in rates.items()]
    measuring.write_record(options, digits, machine, results)


def measure_operations(matrix_size: int, batch_sizes: Sequence[int]) -> dict[Case, float]:
    """Measure the operations per second of the peak and of each pass of each layer."""
    finished = measuring.run(Path(__file__).with_name("arithmetic_process.py"), matrix_size, *batch_sizes)
    return {Case(*case): rate for *case, rate in json.loads(finished.stdout)}


def measure_step(case: Case, digits: measuring.Digits, steps: int) -> dict[Case, float]:
    """Measure the operations per second of the median training step of a short run."""
    flags = ("--steps", steps, "--batch-size", case.size, "--precision", case.precision)
    run = lab_runs.run_deep_mnist(digits, *flags)
    seconds = statistics.median(run.interval_seconds(warm_up=steps // 5)) / lab_runs.INTERVAL
    return {case: OPERATIONS_PER_IMAGE * case.size / seconds}


def collect(rounds: dict[str, list[dict[Case, float]]]) -> Rates:
    """Sort what each round of each contender measured by its case."""
    rates: Rates = {}
    for measurements in rounds.values():
        for measurement in measurements:
            for case, rate in measurement.items():
                rates.setdefault(case, []).append(rate / 1e9)
    return rates


def print_peak(rates: Rates, matrix_size: int) -> None:
    """Print the rate of the large matrix product."""
    rows = [
        [case.precision, *measuring.summary(values).text(",.0f")]
        for case, values in rates.items()
        if case.name == "peak"
    ]
    table = measuring.table(["precision", "GFLOP/s", "spread"], rows)
    print(f"The machine's peak: the product of two {matrix_size} x {matrix_size} matrices\n\n{table}\n")


def print_layers(rates: Rates, peaks: dict[str, float], batch_size: int) -> None:
    """Print time and rate of each pass of each layer, and its share of the peak of its precision."""
    rows = []
    for layer in LAYERS:
        megaflop = layer.operations * batch_size / 1e6
        for pass_ in layer.passes:
            cells = [f"{layer.name} {pass_}", f"{megaflop:,.1f}"]
            for precision in PRECISIONS:
                rate = measuring.summary(rates[Case(layer.name, pass_, batch_size, precision)])
                share = f"{rate.median / peaks[precision]:.0%}"
                cells += [f"{megaflop / rate.median:.3f}", *rate.text(",.0f"), share]
            rows.append(cells)
    headers = [header for name in PRECISIONS for header in (f"{name} ms", "GFLOP/s", "spread", "of peak")]
    table = measuring.table(["layer", "MFLOP", *headers], rows)
    print(f"Layers at batches of {batch_size}, one at a time; each precision has its own peak\n\n{table}\n")


def print_steps(rates: Rates, peaks: dict[str, float], digits: measuring.Digits) -> None:
    """Print the rate of the whole training step, and its share of the peak of its precision."""
    rows = []
    for case, values in rates.items():
        if case.name == "step":
            rate = measuring.summary(values)
            images = f"{rate.median * 1e9 / OPERATIONS_PER_IMAGE:,.0f}"
            share = f"{rate.median / peaks[case.precision]:.0%}"
            rows.append([f"{case.size}, {case.precision}", images, *rate.text(",.0f"), share])
    table = measuring.table(["batch, precision", "images/s", "GFLOP/s", "spread", "of peak"], rows)
    print(
        f"The whole training step of {lab_runs.SCRIPT}, {digits.name}: {OPERATIONS_PER_IMAGE / 1e6:.2f} MFLOP for each "
        f"image; each precision has its own peak\n\n{table}\n"
    )


if __name__ == "__main__":
    measuring.run_benchmark(main, parse_flags())
