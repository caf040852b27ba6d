"""Texts for word2vec.py: sentences that a grammar makes, with the class of each word, and texts that are at hand."""

import importlib.util
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from labkit.errors import LabError

SENTENCES = 6_000  # that the grammar makes
RARE = 5  # a word that occurs less often is left out
MOST = 2_000  # different words that are kept, the most frequent
FEWEST = 20  # different words below which there is nothing to draw
EVERYWHERE = 1e-3  # the part of a text above which a word is left out now and then

# Words of a class stand in the same places of the same sentences, so that nothing but their names tells them apart.
WORDS = {
    "animal": "dog cat horse cow fox mouse goat bear",
    "person": "anna boris clara david elena franz greta hugo",
    "place": "river garden forest market village bridge station harbour",
    "food": "bread soup cheese apples rice honey beans fish",
    "colour": "black white brown grey red golden",
    "taste": "sweet sour salty bitter fresh spicy",
    "moves": "runs walks goes hurries returns wanders",
    "eats": "eats tastes wants finds likes buys",
}
RULES = [
    "the colour animal moves to the place",
    "person moves to the place with a colour animal",
    "person eats taste food",
    "the animal eats the food",
    "in the place person eats taste food",
]


class Corpus(NamedTuple):
    """A text: its name for titles, its sentences as lists of words, and the class of each word, where that is known."""

    name: str
    sentences: list[list[str]]
    classes: dict[str, str]


def read(text: str, seed: int) -> Corpus:
    """Return the corpus that is named "grammar", "topics" or "gensim", or the text file of that name.

    Raises LabError where it has too few words, OSError where the file can't be read.
    """
    if text == "grammar":
        return _grammar(seed)
    name, whole = "Python's help topics", ""
    if text == "topics":
        from pydoc_data.topics import topics  # the standard library's own documentation

        whole = "\n".join(topics[name] for name in sorted(topics))
    else:
        path = _news() if text == "gensim" else Path(text)
        name, whole = path.name, path.read_text(encoding="utf-8", errors="replace")
    sentences = [re.findall(r"[^\W\d_]+", sentence) for sentence in re.split(r"[.!?]\s|\n\s*\n", whole.lower())]
    return Corpus(name, [sentence for sentence in sentences if sentence], {})


def vocabulary(corpus: Corpus) -> list[str]:
    """Return the words that are frequent enough, the most frequent first, which is what the noise of NCE expects.

    Raises LabError where there are too few.
    """
    counts = Counter(word for sentence in corpus.sentences for word in sentence)
    words = [word for word, count in counts.most_common(MOST) if count >= RARE]
    if len(words) < FEWEST:
        few = f"only {len(words)} different words stand at least {RARE} times in {corpus.name}"
        raise LabError(f"{few}: a map needs {FEWEST}, so give a longer text")
    return words


def numbered(corpus: Corpus, words: list[str], random: np.random.Generator) -> list[np.ndarray]:
    """Return each sentence as the numbers of its words in the vocabulary, without the words that are not in it.

    Of a word that makes up a part f > EVERYWHERE of the text, sqrt(EVERYWHERE / f) are kept (Mikolov, 2013).
    """
    numbers = {word: number for number, word in enumerate(words)}
    sentences = [np.array([numbers[w] for w in sentence if w in numbers], int) for sentence in corpus.sentences]
    frequency = np.bincount(np.concatenate(sentences), minlength=len(words)) / sum(map(len, sentences))
    kept = np.sqrt(EVERYWHERE / np.maximum(frequency, EVERYWHERE))
    if corpus.classes:  # a grammar has few words, and each is everywhere
        kept[:] = 1
    return [sentence[random.random(len(sentence)) < kept[sentence]] for sentence in sentences]


def _grammar(seed: int) -> Corpus:
    random = np.random.default_rng(seed)
    words = {kind: text.split() for kind, text in WORDS.items()}
    sentences = []
    for rule in random.integers(len(RULES), size=SENTENCES):
        parts = [words.get(part, [part]) for part in RULES[rule].split()]  # what is no class stands for itself
        sentences.append([choices[random.integers(len(choices))] for choices in parts])
    return Corpus("a corpus made by a grammar", sentences, {word: kind for kind in words for word in words[kind]})


def _news() -> Path:
    """Return the text that gensim's tests use: 300 short news of 2001, in English. gensim itself is not imported."""
    spec = importlib.util.find_spec("gensim")
    path = Path(spec.origin if spec and spec.origin else "gensim").parent / "test/test_data/lee_background.cor"
    if not path.is_file():
        raise LabError(f"gensim has no {path.name} here ({path}): give --text topics, or a file of your own")
    return path
