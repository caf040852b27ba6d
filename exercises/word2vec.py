"""Word2vec: the neighbour of each word is of the word's own class, for 56 of 56 words of a small made-up language.

    python exercises/word2vec.py                 learn from sentences that a grammar makes, and leave a map of words
    python exercises/word2vec.py --text FILE     learn from a text file; topics is Python's own help, gensim is news
    python exercises/word2vec.py --help          all flags

Skip-gram learns a vector for each word, its embedding, such that its context, the words around it, can be told from
words drawn at random (noise-contrastive estimation, NCE). So words that stand in the same places get similar vectors.
"""

import lab

if __name__ == "__main__":  # first of all, so that --help and a mistyped flag need not wait for TensorFlow
    OWN = {"--text": {"default": "grammar", "help": "grammar, topics, gensim, or a text file (default: grammar)"}}
    FLAGS = lab.parse_flags(__doc__, only=["seed", "results_dir"], own=OWN, steps=6000)
    if FLAGS.text == "gensim":
        lab.require("gensim")  # for the text in it; what learns from that is below

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from exercises.support import corpora
from exercises.support.word_map import draw

SIZE = 32  # numbers in an embedding
WINDOW = 3  # words to each side that count as the context of a word
NOISE = 16  # words drawn at random against each batch
BATCH_SIZE = 256  # pairs of a word and one of its context


def skip_grams(sentences):
    """Return all pairs of a word and one of its context, as numbers: (pairs, 2)."""
    apart = [(words[:-d], words[d:]) for words in sentences for d in range(1, WINDOW + 1) if len(words) > d]
    before, after = (np.concatenate(side) for side in zip(*apart, strict=True))
    return np.stack([np.append(before, after), np.append(after, before)], axis=1)


class Model(tf.Module):
    """The embeddings, and the layer that tells a word's context from noise."""

    def __init__(self, words):
        super().__init__()
        # One row for each word; the lecture's rows, from -1 to 1, are so long that a rare word hardly turns.
        self.embeddings = tf.Variable(tf.random.uniform([words, SIZE], -1 / SIZE, 1 / SIZE))
        self.W = tf.Variable(tf.random.truncated_normal([words, SIZE], stddev=SIZE**-0.5))
        self.b = tf.Variable(tf.zeros([words]))

    def loss(self, words, context, noise=None):
        """Return the NCE loss of pairs, words (N,) and context (N,); noise is drawn here unless it is given."""
        x = tf.nn.embedding_lookup(self.embeddings, words)  # (N, SIZE): picks rows
        count, y = self.b.shape[0], context[:, tf.newaxis]  # words have to be numbered by frequency: so is noise drawn
        return tf.reduce_mean(tf.nn.nce_loss(self.W, self.b, y, x, NOISE, count, sampled_values=noise))  # of (N,)


def nce_by_hand(model, words, context, noise):
    """Return the same: how well a logistic regression tells each pair, (N,), from pairs with the noise, (K,)."""
    candidates, expected_context, expected_noise = noise  # how often each would be drawn: a frequent word is no proof
    x = tf.gather(model.embeddings, words)  # (N, SIZE)
    real = tf.reduce_sum(x * tf.gather(model.W, context), axis=1) + tf.gather(model.b, context)  # (N,)
    drawn = tf.matmul(x, tf.gather(model.W, candidates), transpose_b=True) + tf.gather(model.b, candidates)  # (N, K)
    yes = -tf.math.log_sigmoid(real - tf.math.log(expected_context[:, 0]))  # (N,): the label of the pair is 1
    no = -tf.math.log_sigmoid(-(drawn - tf.math.log(expected_noise)))  # (N, K): and 0 for each pair with noise
    return tf.reduce_mean(yes + tf.reduce_sum(no, axis=1))


def nearest(embeddings):
    """Return for each word the numbers of the others, the most similar first: (words, words - 1)."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    similarity = unit @ unit.T  # (words, words): the cosine of the angle between two embeddings
    np.fill_diagonal(similarity, -2)  # a word is not its own neighbour
    return np.argsort(-similarity, axis=1)[:, :-1]


def main(flags):
    """Learn the embeddings, print neighbours, and draw the map."""
    tf.keras.utils.set_random_seed(flags.seed)
    random, corpus = np.random.default_rng(flags.seed), corpora.read(flags.text, flags.seed)
    words = corpora.vocabulary(corpus)
    pairs = skip_grams(corpora.numbered(corpus, words, random))
    print(f"{corpus.name}: {len(words):,} different words, {len(pairs):,} pairs of a word and one of its context")
    model = Model(len(words))
    optimizer = tf.compat.v1.train.AdamOptimizer(0.01)  # the lecture's gradient descent wants a far longer text

    @tf.function
    def train_step(x, y):
        with tf.GradientTape() as tape:
            loss = model.loss(x, y)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    x, y = pairs[:BATCH_SIZE].T  # (N,), (N,)
    noise = tf.random.log_uniform_candidate_sampler(y[:, np.newaxis], 1, NOISE, unique=True, range_max=len(words))
    print(f"NCE loss of a batch: {model.loss(x, y, noise):.3f}; by hand: {nce_by_hand(model, x, y, noise):.3f}")
    for _ in tqdm(range(flags.steps), unit="step", disable=None):
        loss = train_step(*pairs[random.integers(len(pairs), size=BATCH_SIZE)].T)
    neighbours = nearest(model.embeddings.numpy())
    classes = [corpus.classes.get(word) for word in words]  # None for each word of a text
    for n in [n for n, word in enumerate(words) if classes[n] or (not corpus.classes and len(word) > 4)][:16]:
        print(f"  {words[n]:<12} {' '.join(words[other] for other in neighbours[n, :5])}")  # a frequent word, its five
    title, path = f"Words by their context: {corpus.name}, {flags.steps:,} steps", lab.run_folder(flags) / "words.png"
    print("the map:", draw(words, model.embeddings.numpy(), corpus.classes, title, path))
    alike = [classes[n] == classes[neighbours[n, 0]] for n in range(len(words)) if classes[n]]
    of_classes = f"the nearest neighbour is of the same class: {sum(alike)} of {len(alike)} words"
    print(of_classes if alike else f"NCE loss of the last batch: {loss:.1f} ({corpus.name})")


if __name__ == "__main__":
    lab.run_script(main, FLAGS)
