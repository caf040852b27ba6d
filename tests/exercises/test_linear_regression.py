"""exercises/linear_regression.py: against NumPy's least squares, and steps by hand."""

import re

import numpy as np
import pytest

from exercises import linear_regression
from tests.support.exercise import run_exercise

pytestmark = pytest.mark.exercises


def solution(x, y):
    """Return the w and b of least squares, by NumPy's solver, in float64."""
    rows = np.stack([x, np.ones_like(x)], axis=1).astype(np.float64)
    return np.linalg.lstsq(rows, y.astype(np.float64), rcond=None)[0]


def mean_square(w, b, x, y):
    return np.mean((w * x.astype(np.float64) + b - y) ** 2)


@pytest.mark.parametrize("seed", range(3))
def test_the_formula_is_that_of_least_squares(seed):
    x, y = linear_regression.make_points(seed)
    np.testing.assert_allclose(linear_regression.least_squares(x, y), solution(x, y), atol=1e-6)
    uneven = np.float32([0, 1, 5, 7])  # whose mean is not zero
    np.testing.assert_allclose(linear_regression.least_squares(uneven, uneven**2), solution(uneven, uneven**2), 1e-5)


def test_the_points_are_two_x_with_noise_of_a_third():
    noise = np.concatenate([y - 2 * x for x, y in map(linear_regression.make_points, range(50))])
    assert noise.std() == pytest.approx(0.33, abs=0.01)  # 5,050 numbers: a standard error of 0.003
    assert noise.mean() == pytest.approx(0, abs=0.015)
    assert not np.array_equal(linear_regression.make_points(0)[1], linear_regression.make_points(1)[1])


def test_all_points_at_once_lead_to_least_squares_and_always_down():
    x, y = linear_regression.make_points(0)
    path = linear_regression.descend(x, y, 100, len(x), linear_regression.ALL_AT_ONCE, seed=0)
    assert path.shape == (101, 2)
    np.testing.assert_allclose(path[-1], solution(x, y), atol=1e-5)
    losses = [mean_square(w, b, x, y) for w, b in path]
    assert np.all(np.diff(losses) <= 1e-7)


def test_a_step_is_that_of_the_derivatives_by_hand():
    x, y = np.float32([2.0]), np.float32([3.0])
    _, (w, b) = linear_regression.descend(x, y, 1, 1, 0.05, seed=0)
    error = -1 * 2 + 1 - 3  # w x + b - y at the start, w = -1 and b = 1
    assert (w, b) == pytest.approx((-1 - 0.05 * 2 * error * 2, 1 - 0.05 * 2 * error))


def test_a_point_a_step_sees_each_point_once_an_epoch():
    x, y = linear_regression.make_points(0)
    path = linear_regression.descend(x, y, 2, 1, 0.01, seed=0)
    assert path.shape == (203, 2)
    assert mean_square(*path[-1], x, y) < mean_square(*path[101], x, y) < mean_square(*path[0], x, y)


def test_it_prints_both_results_and_draws(tmp_path):
    printed = run_exercise("linear_regression", "--epochs", 3, "--results-dir", tmp_path)
    w, b = solution(*linear_regression.make_points(0))
    assert f"least squares: w {w:.4f}, b {b:.4f}\n" in printed
    assert re.fullmatch(
        rf"w \d\.\d\d by gradient descent, a point a step; {w:.2f} by least squares", printed.splitlines()[-1]
    )
    assert (tmp_path / "linear_regression" / "seed-0" / "linear_regression.png").stat().st_size > 10_000


def test_a_rate_that_is_too_large_is_told(tmp_path):
    with pytest.raises(AssertionError, match="not finite: try a smaller --learning-rate than 100\n"):
        run_exercise("linear_regression", "--epochs", 1, "--learning-rate", 100, "--results-dir", tmp_path)


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
@pytest.mark.parametrize("seed", range(3))
def test_a_point_a_step_finds_least_squares_and_the_slope(seed, tmp_path):
    printed = run_exercise("linear_regression", "--seed", seed, "--results-dir", tmp_path)
    found, best = map(float, re.findall(r"\d\.\d\d", printed.splitlines()[-1]))
    assert found == pytest.approx(best, abs=0.05)
    # The standard error of w is 0.33 / sqrt(34.34) = 0.056; the lecture's program found 2.00863 in points of its own.
    assert best == pytest.approx(2, abs=0.2)
