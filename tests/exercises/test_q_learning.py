"""exercises/q_learning.py: values that can be worked out by hand, and what the cart's network reaches."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tests.support.exercise import run_exercise
from tests.support.needs import needs

gymnasium = needs("gymnasium")

from exercises import q_learning  # noqa: E402
from exercises.support.cart import SCALE, Cart, play  # noqa: E402
from exercises.support.control_pictures import EVERY, save_animation  # noqa: E402
from exercises.support.gridworld import Gridworld  # noqa: E402

pytestmark = pytest.mark.exercises


def ways_to_goal(drawing):
    """Return how many moves each empty square is from the goal, around walls and pits, by a flood from the goal."""
    squares = {(r, c): kind for r, row in enumerate(drawing) for c, kind in enumerate(row)}
    edge = {place for place, kind in squares.items() if kind == "+"}
    found, moves = {}, 0
    while edge:
        moves += 1
        near = {(r + dr, c + dc) for r, c in edge for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))}
        edge = {place for place in near if squares.get(place) == "." and place not in found}
        found |= dict.fromkeys(edge, moves)
    return found


@pytest.mark.parametrize("drawing", [q_learning.GRID, ["..+"], ["+..", ".#-", "..."]])
def test_value_iteration_finds_the_length_of_the_shortest_way(drawing):
    world = Gridworld(drawing)
    values = q_learning.solve(world, 0.9).max(axis=1)
    ways = ways_to_goal(drawing)
    assert len(ways) == len(world.starts)
    for (row, column), moves in ways.items():
        assert values[row * world.columns + column] == pytest.approx(0.9 ** (moves - 1), abs=1e-12)


def test_a_gridworld_stops_at_walls_and_ends_in_goal_and_pit():
    world = Gridworld([".#", "-+"])
    up, right, down, left = world.next_square[0]
    assert (up, right, down, left) == (0, 0, 2, 0)
    assert world.reward[0].tolist() == [0, 0, -1, 0]
    assert world.ends[0].tolist() == [False, False, True, False]
    assert world.starts.tolist() == [0]


def test_an_episode_in_the_gridworld_is_cut_off():
    world = Gridworld([".", "."], moves_at_most=3)
    world.reset(seed=1)
    assert [world.step(0)[3] for _ in range(3)] == [False, False, True]


def test_the_policy_in_numpy_is_the_networks():
    tf.random.set_seed(1)
    network = q_learning.QNetwork([4, 16, 16, 3])
    for b in network.b:
        b.assign(tf.random.normal(b.shape))
    states = np.random.default_rng(1).normal(size=(50, 4)).astype(np.float32)
    act = network.policy()
    assert [act(state) for state in states] == tf.argmax(network(states), axis=1).numpy().tolist()


class TwoStates:
    """In the first, action 0 stays for reward 1, and action 1 ends it for reward 1; each third move cuts it off."""

    def reset(self, seed=None):
        self.moves = 0
        return np.ones(1, np.float32), {}

    def step(self, action):
        self.moves += 1
        return np.ones(1, np.float32), 1.0, action == 1, self.moves == 3, {}


def test_after_an_end_there_is_nothing_to_come_and_after_being_cut_off_there_is():
    """Staying for ever is worth 1 + 1/2 + 1/4 + ... = 2; ending it, 1."""
    tf.random.set_seed(0)
    network = q_learning.QNetwork([1, 16, 2])
    rounds = list(q_learning.learn(TwoStates(), network, 30 * q_learning.ROUND, np.random.default_rng(0), 0.5))
    assert rounds == list(range(q_learning.FIRST_ROUND, 31))
    assert network(np.ones((1, 1), np.float32)).numpy()[0] == pytest.approx([2, 1], abs=0.02)


def test_the_cart_is_cartpole_scaled_and_pays_when_it_is_lost():
    cart, original = Cart(), gymnasium.make("CartPole-v1")
    state, _ = cart.reset(seed=3)
    expected, _ = original.reset(seed=3)
    lost = False
    while not lost:
        assert state * SCALE == pytest.approx(expected, rel=1e-6)
        state, reward, lost, cut_off, _ = cart.step(1)
        expected, ones, gone, *_ = original.step(1)
        assert (lost, reward, ones, cut_off) == (gone, -1.0 if gone else 0.0, 1.0, False)


def test_who_follows_the_pole_keeps_it_up_to_the_end():
    """By hand: push towards where the pole falls. That lasts 500 moves, so play gives 501 states."""
    assert len(play(Cart(), lambda state: int(state[2] + state[3] > 0), seed=5)) == 501
    assert len(play(Cart(), lambda state: 1, seed=5)) < 13


def test_the_animation_has_a_frame_for_each_tenth_of_a_second(tmp_path):
    from PIL import Image

    states = [np.array([i / 40, 0, i / 40, 0], np.float32) for i in range(2 * EVERY + 1)]
    path = save_animation(tmp_path / "new" / "moves.gif", {"short": states[:3], "long": states})
    with Image.open(path) as picture:
        assert (picture.n_frames, picture.info["duration"]) == (3, 100)
    assert [file.name for file in path.parent.iterdir()] == ["moves.gif"]


def test_a_short_run_solves_the_gridworld_and_leaves_both_pictures(tmp_path):
    printed = run_exercise("q_learning", "--moves", "1280", "--results-dir", tmp_path)
    found = re.search(r"the best move in (\d+) of (\d+) squares; Q is off by ([\d.]+) at most", printed)
    assert found[1] == found[2] == str(len(Gridworld(q_learning.GRID).starts))
    assert float(found[3]) < 0.08, "the best move and the next one are at least 0.09 apart"
    assert re.fullmatch(r"CartPole: [\d.]+ of 500 moves \(100 new episodes; .*\)", printed.splitlines()[-1])
    assert {file.name for file in (tmp_path / "q_learning" / "seed-0").iterdir()} == {"gridworld.png", "cartpole.gif"}


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_it_balances_the_pole(seed, tmp_path):
    printed = run_exercise("q_learning", "--seed", seed, "--results-dir", tmp_path)
    assert float(re.search(r"CartPole: ([\d.]+) of 500", printed)[1]) >= 475, "which Gymnasium counts as solved"
    assert float(re.search(r"off by ([\d.]+) at most", printed)[1]) < 0.08
