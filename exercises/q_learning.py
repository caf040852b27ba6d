"""Q-learning: a network learns the exact values of a gridworld, then keeps a pole upright for 475 of 500 moves or more.

    python exercises/q_learning.py          learn both, and leave two pictures in results/q_learning/seed-0/
    python exercises/q_learning.py --help   all flags

Q(s, a) is all the reward to come, each move's worth GAMMA times the one before it, if action a is taken in state s
and the best action ever after. So Q(s, a) = reward + GAMMA * the largest Q(s', a') of the next state s', and a network
can learn that from moves: nobody tells it which action is right. The lecture's network (Mnih et al., 2015) saw the
screen of video games; ours sees a few numbers, with the same two remedies: a replay memory, so that a batch is not of
moves in a row, and a target network, a copy that stands still, so that the goal does not move with each update.
"""

import itertools

import lab
from labkit.run.flags import positive

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    MOVES = {"type": positive(int), "default": 30_000, "help": "of the cart, while it learns (default: %(default)s)"}
    FLAGS = lab.parse_flags(__doc__, only=["seed", "results_dir"], own={"--moves": MOVES})
    lab.require("gymnasium")

import numpy as np
import tensorflow as tf
from tqdm import tqdm

import plotter
from exercises.support.cart import Cart, play
from exercises.support.control_pictures import draw_gridworld, save_animation
from exercises.support.gridworld import Gridworld

GRID = ["......", ".##.-.", "...#..", ".-...+"]  # "+" is the goal, "-" a pit, "#" a wall
GRID_MOVES, GRID_GAMMA = 8_000, 0.9
GAMMA = 0.99  # for the cart, which has to look further ahead
BATCH, ROUND = 64, 128  # every 128 moves, the network learns from 128 batches of 64 moves
FIRST_ROUND = 8  # until then, moves are only remembered
EVERY = 20  # rounds from one evaluation to the next
EVALUATION, TEST = range(50), range(1000, 1100)  # the episodes that pick the network, and the others that test it


class QNetwork(tf.Module):
    """Turns states into the value of each action; one hidden layer or more, with ReLU."""

    def __init__(self, sizes):
        super().__init__()
        self.sizes = sizes
        pairs = list(itertools.pairwise(sizes))
        self.W = [tf.Variable(tf.random.normal([n, m], stddev=(2 / n) ** 0.5)) for n, m in pairs]
        self.b = [tf.Variable(tf.zeros([m])) for _, m in pairs]

    def __call__(self, states):
        h = states  # (N, state)
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            h = tf.nn.relu(tf.matmul(h, W) + b)  # (N, hidden)
        return tf.matmul(h, self.W[-1]) + self.b[-1]  # (N, actions)

    def policy(self):
        """Return a function from one state to the best action: in NumPy, which is faster for a single state."""
        *hidden, (W_last, b_last) = [(W.numpy(), b.numpy()) for W, b in zip(self.W, self.b, strict=True)]

        def act(state):
            for W, b in hidden:
                state = np.maximum(state @ W + b, 0)
            return int(np.argmax(state @ W_last + b_last))

        return act


def learn(environment, network, moves, rng, gamma):
    """Move in the environment, and learn from it every 128 moves; after each such round, yield its number."""
    target, act = QNetwork(network.sizes), network.policy()
    inputs, actions = network.sizes[0], network.sizes[-1]
    optimizer = tf.keras.optimizers.Adam(1e-3)

    @tf.function
    def update(states, taken, rewards, next_states, ended):
        for i in tf.range(ROUND):  # a loop in the graph: it need not go back to Python after each batch
            best = tf.reduce_max(target(next_states[i]), axis=1)  # (64,)
            goal = rewards[i] + gamma * (1 - ended[i]) * best  # (64,): after the end there is nothing to come
            with tf.GradientTape() as tape:
                q = tf.gather(network(states[i]), taken[i], batch_dims=1)  # (64,): of the actions that were taken
                loss = tf.reduce_mean(tf.square(q - goal))
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

    # The replay memory, of all moves: state, action, reward, next state, and 1 where that was the end.
    memory = [np.zeros([moves, inputs], np.float32), np.zeros(moves, np.int32), np.zeros(moves, np.float32)]
    memory += [np.zeros([moves, inputs], np.float32), np.zeros(moves, np.float32)]
    state, _ = environment.reset(seed=int(rng.integers(2**31)))
    for move in tqdm(range(moves), unit="move", disable=None, leave=False):
        epsilon = max(0.05, 1 - move / (0.2 * moves))  # at first it tries anything, later mostly what seems best
        action = int(rng.integers(actions)) if rng.random() < epsilon else act(state)
        next_state, reward, ended, cut_off, _ = environment.step(action)
        for field, value in zip(memory, (state, action, reward, next_state, ended), strict=True):
            field[move] = value  # being cut off is no end: there would have been more to come
        state = environment.reset()[0] if ended or cut_off else next_state
        done, rest = divmod(move + 1, ROUND)
        if rest == 0 and done >= FIRST_ROUND:
            for variable, value in zip(target.variables, network.variables, strict=True):
                variable.assign(value)
            picked = rng.integers(move + 1, size=[ROUND, BATCH])  # any moves so far, and none in a row
            update(*[tf.constant(field[picked]) for field in memory])  # (128, 64, state), (128, 64), ...
            act = network.policy()
            yield done


def solve(world, gamma):
    """Return the exact Q of the world, (squares, 4): its equation, repeated until nothing changes (value iteration)."""
    q = np.zeros(world.reward.shape)
    for _ in range(1000):
        q = world.reward + gamma * ~world.ends * q.max(axis=1)[world.next_square]
    return q


def main(flags):
    """Learn the gridworld and hold it against its exact values, then learn to balance the pole."""
    tf.keras.utils.set_random_seed(flags.seed)
    rng, folder = np.random.default_rng(flags.seed), lab.run_folder(flags)

    world = Gridworld(GRID)
    exact, network = solve(world, GRID_GAMMA), QNetwork([world.squares.size, 64, 4])
    for _ in learn(world, network, GRID_MOVES, rng, GRID_GAMMA):
        pass
    learned = network(np.eye(world.squares.size, dtype=np.float32)).numpy()  # (squares, 4)
    error = np.abs(learned - exact)[world.starts].max()
    best = exact[world.starts, learned[world.starts].argmax(axis=1)] > exact[world.starts].max(axis=1) - 1e-6
    print(f"gridworld: the best move in {best.sum()} of {len(best)} squares; Q is off by {error:.3f} at most")
    figure = draw_gridworld(world, {"learned from moves": learned, "exact (value iteration)": exact})
    print(f"its values: {plotter.save_figure(figure, folder / 'gridworld.png')}")

    cart, network = Cart(), QNetwork([4, 128, 128, 2])  # its reward is -1 where the pole falls, and else 0
    before = play(cart, network.policy(), TEST[0])
    kept, longest = network.policy(), 0
    for done in learn(Cart(), network, flags.moves, rng, GAMMA):
        if done % EVERY == 0:
            act = network.policy()
            mean = np.mean([len(play(cart, act, seed)) - 1 for seed in EVALUATION])
            print(f"after {done * ROUND:,} moves: the pole stays up for {mean:.0f} of 500 moves", flush=True)
            if mean >= longest:  # the network may forget again, so the best one is kept
                kept, longest = act, mean
    path = save_animation(folder / "cartpole.gif", {"before": before, "after": play(cart, kept, TEST[0])})
    print(f"before and after: {path}")
    mean = np.mean([len(play(cart, kept, seed)) - 1 for seed in TEST])
    print(f"CartPole: {mean:.1f} of 500 moves (100 new episodes; 475 counts as solved)")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
