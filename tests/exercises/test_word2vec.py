"""exercises/word2vec.py: its loss against NumPy, its pairs and neighbours counted by hand, its classes of words."""

import re
import types

import numpy as np
import pytest

from exercises import word2vec
from exercises.support import corpora, word_map
from labkit.errors import LabError
from tests.support.exercise import run_exercise
from tests.support.needs import needs

pytestmark = pytest.mark.exercises


def test_it_prints_its_classes_and_leaves_a_map(tmp_path):
    printed = run_exercise("word2vec", "--results-dir", tmp_path, "--steps", 3, "--seed", 5)
    last = printed.splitlines()[-1]
    assert re.fullmatch(r"the nearest neighbour is of the same class: \d+ of 56 words", last)
    by_tensorflow, by_hand = re.search(r"NCE loss of a batch: (.*); by hand: (.*)", printed).groups()
    assert float(by_tensorflow) == pytest.approx(float(by_hand), abs=0.002)
    assert (tmp_path / "word2vec/seed-5/words.png").read_bytes().startswith(b"\x89PNG")


def test_a_text_file_is_read(tmp_path):
    (tmp_path / "tale.txt").write_text(
        "Übermut tut selten gut. " * 9 + " ".join("abcdefghijklmnopqrstuvwxyz" * 9), "utf-8"
    )
    printed = run_exercise("word2vec", "--text", tmp_path / "tale.txt", "--results-dir", tmp_path, "--steps", 2)
    assert "tale.txt: 30 different words" in printed
    assert re.search(r"^  übermut +\S+ \S+ \S+ \S+ \S+$", printed, re.MULTILINE)
    assert re.fullmatch(r"NCE loss of the last batch: \d+\.\d \(tale\.txt\)", printed.splitlines()[-1])


@pytest.mark.parametrize("function", ["model.loss", "nce_by_hand"])
def test_nce_is_its_formula_for_fixed_candidates(function):
    model, rng = word2vec.Model(30), np.random.default_rng(0)
    model.b.assign(rng.normal(size=30))
    words, context, candidates = np.array([3, 0, 29, 3]), np.array([1, 2, 0, 28]), np.array([5, 1, 7])
    expected_context, expected_noise = rng.uniform(0.1, 0.9, [4, 1]), rng.uniform(0.1, 0.9, 3)
    noise = (candidates, expected_context.astype(np.float32), expected_noise.astype(np.float32))

    E, W, b = (variable.numpy().astype(np.float64) for variable in (model.embeddings, model.W, model.b))
    total = 0.0
    for n in range(4):
        odds = E[words[n]] @ W[context[n]] + b[context[n]] - np.log(expected_context[n, 0])
        total -= np.log(1 / (1 + np.exp(-odds)))
        for k in range(3):
            odds = E[words[n]] @ W[candidates[k]] + b[candidates[k]] - np.log(expected_noise[k])
            total -= np.log(1 - 1 / (1 + np.exp(-odds)))
    found = model.loss(words, context, noise) if function == "model.loss" else None
    found = word2vec.nce_by_hand(model, words, context, noise) if found is None else found
    assert float(found) == pytest.approx(total / 4, rel=1e-5)


def test_pairs_are_of_each_word_and_three_to_each_side():
    sentence = range(10, 15)
    pairs = word2vec.skip_grams([np.array(sentence), np.array([7]), np.array([20, 21])])
    near = {(a, b) for a in sentence for b in sentence if a != b and abs(a - b) <= 3}
    assert sorted(map(tuple, pairs.tolist())) == sorted(near | {(20, 21), (21, 20)})


def test_neighbours_are_told_by_the_angle():
    embeddings = np.array([[1, 0], [10, 1], [0, 1], [-1, 0.2]])
    assert word2vec.nearest(embeddings).tolist() == [[1, 2, 3], [0, 2, 3], [3, 1, 0], [2, 1, 0]]


# ------------------------------------------------------------------------------------------------------- the corpora


def test_words_of_a_class_stand_in_the_same_places_equally_often():
    corpus = corpora.read("grammar", seed=1)
    assert len(corpus.classes) == 56
    assert corpus.sentences == corpora.read("grammar", seed=1).sentences != corpora.read("grammar", seed=2).sentences
    contexts = {}
    for sentence in corpus.sentences:
        kinds = [corpus.classes.get(word, word) for word in sentence]
        for before, word, after in zip(["", *kinds], sentence, [*kinds[1:], ""], strict=False):
            contexts.setdefault(word, []).append((before, after))
    for kind in corpora.WORDS:
        sets = [set(contexts[word]) for word, its in corpus.classes.items() if its == kind]
        counts = [len(contexts[word]) for word, its in corpus.classes.items() if its == kind]
        assert all(one == sets[0] for one in sets)
        assert max(counts) < min(counts) + 8 * np.sqrt(np.mean(counts))


def test_the_standard_librarys_topics_are_a_text():
    corpus = corpora.read("topics", seed=0)
    words = corpora.vocabulary(corpus)
    assert words[0] == "the"
    assert {"class", "function", "string"} < set(words)
    assert corpus.classes == {}


def test_gensims_news_are_a_text():
    needs("gensim")
    corpus = corpora.read("gensim", seed=0)
    assert corpus.name == "lee_background.cor"
    assert corpus.sentences[0][:4] == ["hundreds", "of", "people", "have"]
    assert "australia" in corpora.vocabulary(corpus)


def test_without_the_text_gensim_is_not_enough(monkeypatch, tmp_path):
    spec = types.SimpleNamespace(origin=str(tmp_path / "gensim/__init__.py"))
    monkeypatch.setattr(corpora.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(LabError, match=r"gensim has no lee_background.cor here .*: give --text topics"):
        corpora.read("gensim", seed=0)


def test_frequent_words_come_first_and_rare_ones_not_at_all():
    letters = "abcdefghijklmnopqrst"
    sentences = [[letter] * (25 - number) for number, letter in enumerate(letters)] + [["rare"] * 4]
    assert corpora.vocabulary(corpora.Corpus("letters", sentences, {})) == list(letters)
    with pytest.raises(LabError, match="only 19 different words stand at least 5 times in letters"):
        corpora.vocabulary(corpora.Corpus("letters", sentences[1:], {}))


def test_words_that_are_everywhere_are_left_out_now_and_then():
    corpus = corpora.Corpus("text", [["the"] * 9_000 + ["of"] * 1_000 + ["word"]], {})
    (kept,) = corpora.numbered(corpus, ["the", "of", "word"], np.random.default_rng(0))
    counts = np.bincount(kept, minlength=3)
    for count, whole in zip(counts, (9_000, 1_000), strict=False):
        expected = whole * np.sqrt(1e-3 / (whole / 10_001))
        assert count == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert counts[2] == 1


def test_the_map_is_the_plane_of_most_variance():
    rng = np.random.default_rng(0)
    embeddings = rng.normal(size=[40, 6]) + 1
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    variances = np.sort(np.linalg.eigvalsh(np.cov(unit.T)))[::-1]
    np.testing.assert_allclose(word_map.principal_plane(embeddings).var(axis=0, ddof=1), variances[:2])


def test_no_word_on_the_map_covers_another():
    texts = [f"word{number}" for number in range(30)]
    places = np.random.default_rng(0).normal(0.5, 0.05, [30, 2])
    corners = np.array(word_map.free_corners(texts, places))
    apart = np.abs(corners[:, None] - corners[None])
    width, height = 0.011 * len("word10"), 0.019
    covered = (apart[..., 0] < 0.8 * width) & (apart[..., 1] < 0.9 * height)
    assert covered.sum() == 30  # each one itself
    assert np.linalg.norm(corners - places, axis=1).max() < 0.2


@pytest.mark.training
@pytest.mark.sample(2, of="exercise trainings")
@pytest.mark.parametrize("seed", [0, 1])
def test_neighbours_are_of_the_words_class(seed, tmp_path):
    last = run_exercise("word2vec", "--results-dir", tmp_path, "--seed", seed).splitlines()[-1]
    alike = int(re.fullmatch(r"the nearest neighbour is of the same class: (\d+) of 56 words", last)[1])
    assert alike >= 55  # 56 with seeds 0, 1 and 2, and after 200 of the 6,000 steps already
