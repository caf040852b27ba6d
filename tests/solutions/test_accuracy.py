"""The trainings, with the default flags, to the accuracies that docs/student/measured.md promises."""

import json
import re

import pytest

import lab
from tests.solutions.test_lab import run

pytestmark = pytest.mark.training


def accuracy(script, *flags, cwd):
    """Train as a student would and return the accuracy on the script's last line."""
    done = run(script, *flags, cwd=cwd)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    found = re.fullmatch(r"test accuracy (\d\.\d{4}) \(10,000 images, (MNIST|synthetic digits)\)", last)
    assert found, last
    return float(found[1])


@pytest.mark.softmax
@pytest.mark.sample(1)
@pytest.mark.parametrize("seed", range(5))
def test_softmax_regression_on_mnist(seed, mnist_dir, tmp_path):
    assert 0.910 <= accuracy("softmax_mnist", "--seed", seed, "--data-dir", mnist_dir, cwd=tmp_path) <= 0.925


@pytest.mark.deep
@pytest.mark.sample(1, of="deep trainings")
@pytest.mark.parametrize("seed", range(3))
def test_deep_network_on_mnist(seed, mnist_dir, tmp_path):
    assert accuracy("deep_mnist", "--seed", seed, "--data-dir", mnist_dir, cwd=tmp_path) >= 0.990


@pytest.mark.deep
@pytest.mark.sample(1, of="deep trainings")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_deep_network_in_either_precision(precision, mnist_dir, tmp_path):
    if precision == "bfloat16" and lab.pick_precision("auto") != "bfloat16":
        pytest.skip("this processor has no fast bfloat16, so no default falls on it")
    flags = ("--precision", precision, "--seed", 3, "--data-dir", mnist_dir)
    assert accuracy("deep_mnist", *flags, cwd=tmp_path) >= 0.990
    record = json.loads((tmp_path / "results/deep_mnist/seed-3/run.json").read_text())
    assert record["recipe"]["precision"] == precision


@pytest.mark.sample(1, of="deep trainings")
@pytest.mark.parametrize("seed", range(2))
def test_a_minute_of_distorted_digits_gives_0991(seed, mnist_dir, tmp_path):
    """No more than deep_mnist.py has by then: distortions that suit a whole training are strong for so short a one."""
    assert accuracy("beyond_mnist", "--steps", 600, "--seed", seed, "--data-dir", mnist_dir, cwd=tmp_path) >= 0.991


@pytest.mark.sample(1, of="deep trainings")
@pytest.mark.parametrize(
    "script",
    [
        pytest.param("model_no1", marks=pytest.mark.no1),
        pytest.param("model_no2", marks=pytest.mark.no2),
        pytest.param("model_no3", marks=pytest.mark.no3),
    ],
)
def test_ablations_on_mnist(script, mnist_dir, tmp_path):
    """Worse than the whole network or as good; far better than the softmax regression."""
    assert 0.980 <= accuracy(script, "--data-dir", mnist_dir, cwd=tmp_path) <= 0.994


@pytest.mark.sample(1, of="deep trainings")
def test_synthetic_digits_teach_the_same_lesson(tmp_path):
    flags = ("--dataset", "synthetic", "--data-dir", tmp_path / "drawn")
    assert 0.85 <= accuracy("softmax_mnist", *flags, cwd=tmp_path) <= 0.95
    assert accuracy("deep_mnist", *flags, cwd=tmp_path) >= 0.98
