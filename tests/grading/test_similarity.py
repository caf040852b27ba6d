"""Similarity: finds what two students share and nobody handed out, renamed or reformatted, and nothing else."""

import dataclasses
import itertools
import json
import math
import random
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from grading.inside.trusted.fingerprint_reader import MAX_CHARACTERS, MAX_PRINTS, find_all, read_scripts
from grading.inside.trusted.fingerprints import (
    KINDS,
    code_tokens,
    comment_tokens,
    hashes,
    source_text,
    winnow,
    word_tokens,
)
from grading.sandbox.unconfined import Unconfined
from grading.similarity import pairs as similarity
from grading.similarity import rarity
from grading.similarity.pairs import Source, are_kept, find_groups, keep_texts, known_hashes, passages
from grading.similarity.rarity import LEAST_SHARED, UNSEEN, overlaps
from grading.similarity.similarity_page import MOST_BYTES, write_page
from grading.similarity.similarity_record import read_similarities
from labkit.checks.assignment import Similarity
from tests.submissions import ROOT, SCRIPTS
from tests.submissions.report_words import write_report
from tests.support.needs import needs

pytestmark = pytest.mark.grading

RULES = Similarity(code=0.5, report=0.2)
NOUNS = ["batch", "layer", "pixel", "kernel", "stride", "weight", "bias", "digit", "tensor", "filter", "epoch", "loss"]

# Code that a student may well have written, and nobody else in quite this way.
ODD = '''

def check_shapes(model, sizes):
    """Walks over the model's weights and complains about the first one whose size I did not reckon with beforehand."""
    seen = {}
    for name, value in sorted(vars(model).items(), key=lambda pair: pair[0]):
        if not hasattr(value, "shape") or name.startswith("_"):
            continue
        # I was bitten twice by a forgotten factor of four here, so the product is written out instead of reshaped
        total = 1
        for side in list(value.shape)[::-1]:
            total = total * int(side) if side else total
        seen[name] = (total, tuple(value.shape))
        assert total == sizes.get(name, total), f"{name} has {total} weights but {sizes[name]} were expected"
    while seen and max(count for count, _ in seen.values()) > 10 ** 6:
        seen.pop(max(seen, key=lambda key: seen[key][0]))
    return [(name, count, shape) for name, (count, shape) in seen.items()]
'''


@pytest.fixture
def student(tmp_path):
    """Return a function that makes a student's source, of scripts by name and a report; the solutions fill the gaps."""

    def make(name, report="", **scripts):
        folder = tmp_path / re.sub(r"\W", "", name)
        folder.mkdir()
        for script in SCRIPTS:
            text = scripts.get(script) or (ROOT / f"{script}.py").read_text(encoding="utf-8")
            (folder / f"{script}.py").write_text(text, encoding="utf-8", errors="surrogatepass")
        file = folder.with_suffix(".json")
        file.write_text(json.dumps({"format": 1, **find_all(read_scripts(folder), report, known_hashes())}))
        return Source(file, name, name)

    return make


def reference(script="model_no1"):
    return (ROOT / f"{script}.py").read_text(encoding="utf-8")


def renamed(code):
    """Return the same code with other names for whatever can be renamed, and without comments."""
    code = re.sub(r'""".*?"""|#[^\n]*', "", code, flags=re.DOTALL)
    for number, name in enumerate(("check_shapes", "seen", "total", "side", "value", "count", "sizes", "shape_of")):
        code = re.sub(rf"\b{name}\b", f"thing_{number}", code)
    return code.replace("10 ** 6", "1000000").replace("\n\n", "\n")


def own_code(seed):
    """Write twenty lines of code that nobody else has written."""
    rng = random.Random(seed)

    def expression(depth=0):
        if depth == 2 or rng.random() < 0.2:
            return rng.choice([rng.choice(NOUNS), str(rng.randint(0, 99)), repr(rng.choice(NOUNS))])
        parts = [expression(depth + 1) for _ in range(rng.randint(1, 3))]
        shapes = [
            f" {rng.choice('+-*/%')} ".join(parts),
            f"{rng.choice(NOUNS)}({', '.join(parts)})",
            f"[{', '.join(parts)}]",
        ]
        return rng.choice(shapes)

    lines = [f"    {rng.choice(NOUNS)} {rng.choice(['=', '+=', '*='])} {expression()}" for _ in range(20)]
    return "\n".join(["", "", f"def tool({', '.join(rng.sample(NOUNS, 3))}):", *lines, ""])


def find_pairs(*sources_and_rules):
    """Return the pairs of sources, all of which can be compared."""
    pairs, left_out = similarity.find_pairs(*sources_and_rules)
    assert not left_out
    return pairs


def names(pairs):
    return {frozenset((pair.first.label, pair.second.label)) for pair in pairs}


# ---------------------------------------------------------------------------------------------------------- the measure


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_reference_solutions_handed_in_by_everybody_are_no_pairs(student):
    assert find_pairs([student(f"s{n}") for n in range(6)], [], RULES) == []


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_two_copies_of_the_handed_out_network_are_no_pair_however_they_rename_it(student):
    other_names = [re.sub(r"\b(h_\w+|W_\w+|b_\w+)\b", rf"{prefix}\1", reference()) for prefix in ("my_", "il_mio_")]
    assert find_pairs([student(f"s{n}", model_no1=text) for n, text in enumerate(other_names)], [], RULES) == []


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_a_shared_solution_is_told_from_a_shared_starter(student):
    honest = [student(f"honest{n}", model_no1=reference() + own_code(n)) for n in range(12)]
    guilty = [student("first", model_no1=reference() + ODD), student("second", model_no1=reference() + ODD)]
    pairs = find_pairs(honest + guilty, [], RULES)
    assert names(pairs) == {frozenset(("first", "second"))}
    assert pairs[0].shares["code"].part == 1
    assert pairs[0].shares["comments"].part == 1


def test_renaming_reformatting_and_moving_to_another_script_hide_nothing(student):
    pairs = find_pairs(
        [
            student("first", model_no1=reference() + own_code(1) + ODD),
            student("second", model_no3=renamed(ODD) + reference("model_no3") + own_code(2)),
            *(student(f"s{n}", model_no1=reference() + own_code(10 + n)) for n in range(3)),
        ],
        [],
        Similarity(code=0.2, report=0.2),
    )
    assert names(pairs) == {frozenset(("first", "second"))}
    assert set(pairs[0].shares) == {"code"}  # the comments are gone


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_what_many_of_the_class_have_in_common_is_no_sign_of_copying(student):
    shared_by_all = [student(f"s{n}", model_no1=reference() + ODD) for n in range(20)]
    assert find_pairs(shared_by_all, [], RULES) == []


def test_a_comment_of_the_kits_that_is_deleted_leaves_no_trace(student):
    without_shapes = re.sub(r"  # \(N, [^\n]*", "", reference())
    every_other_line = re.sub(r"(?m)(^# [^\n]*\n)# [^\n]*\n", r"\1", reference())
    assert without_shapes != reference()
    for name, text in (("shapes", without_shapes), ("lines", every_other_line)):
        assert student(name, model_no1=text).prints()["comments"] == frozenset()


def test_three_who_deleted_the_same_comments_of_the_kits_are_no_group(student):
    own = [re.sub(r"#[^\n]*", "", reference()) + own_code(n) for n in range(3)]
    assert find_pairs([student(f"s{n}", model_no1=text) for n, text in enumerate(own)], [], RULES) == []


def test_reports_with_the_same_passages_are_a_pair_and_the_template_is_not(student):
    template = (ROOT / "report_template.md").read_text(encoding="utf-8")
    mine, theirs = (" ".join(f"{w} {n}{seed}" for n, w in enumerate(NOUNS * 20)) for seed in "ab")
    stolen = " ".join(random.Random(7).choices(NOUNS, k=120))
    pairs = find_pairs(
        [
            student("first", report=f"{template}\n{mine}\n{stolen}"),
            student("second", report=f"{template}\n{stolen.upper()}"),
            student("third", report=f"{template}\n{theirs}"),
        ],
        [],
        RULES,
    )
    assert names(pairs) == {frozenset(("first", "second"))}
    assert set(pairs[0].shares) == {"report"}


def test_an_archive_is_compared_with_but_not_within_itself(student):
    old = [student(f"old{n}", model_no2=reference("model_no2") + ODD) for n in range(2)]
    new = student("new", model_no1=reference() + ODD)
    assert names(find_pairs([new], old, RULES)) == {frozenset(("new", "old0")), frozenset(("new", "old1"))}
    assert find_pairs([student("honest")], old, RULES) == []


def test_two_submissions_of_one_student_are_no_pair(student):
    first = student("first", model_no1=reference() + ODD)
    again = Source(first.file, "again", "first")
    assert find_pairs([first, again], [again], RULES) == []
    assert len(find_pairs([first], [Source(first.file, "somebody's of last year", "")], RULES)) == 1


def test_reports_that_say_the_same_in_other_words_are_no_pairs(student):
    reports = [write_report(rng=random.Random(n)) for n in range(8)]
    assert find_pairs([student(f"s{n}", report=text) for n, text in enumerate(reports)], [], RULES) == []


# ------------------------------------------------------------------------------------------- rings, of made-up prints


def made_up_class(rng, honest, ring):
    """Make up the fingerprints of honest students, and of a ring, each a set: those of their own, and of idioms.

    An idiom is a handful of fingerprints that anybody may have, more or less often. The members of the ring have one
    solution, each with a seventh of it rewritten.
    """
    idioms = [(rng.betavariate(0.5, 1.5), own_prints(rng, rng.randint(1, 8))) for _ in range(30)]

    def idiomatic():
        return set().union(*(prints for popularity, prints in idioms if rng.random() < popularity))

    solution = sorted(idiomatic() | own_prints(rng, 60))
    copies = [
        set(rng.sample(solution, len(solution) * 6 // 7)) | own_prints(rng, len(solution) // 7) for _ in range(ring)
    ]
    return [idiomatic() | own_prints(rng, rng.randint(10, 60)) for _ in range(honest)], copies


def own_prints(rng, count):
    return {rng.getrandbits(62) for _ in range(count)}


@pytest.fixture
def made_up(tmp_path):
    """Return a function that makes the source of a student whose code has these fingerprints."""

    def make(name, prints):
        file = tmp_path / f"{name}.json"
        places = {"code": [[value, 0, 0, 0, 0] for value in prints], "comments": [], "report": []}
        file.write_text(json.dumps({"format": 1, "problem": "", "files": [], "prints": places}))
        return Source(file, name, name)

    return make


@pytest.mark.parametrize("size", [10, 17, 30, 100, 300])
@pytest.mark.parametrize("ring", [2, 3, 5, 8, 12])
def test_a_ring_is_one_group_and_the_first_whatever_its_size_and_that_of_the_class(made_up, ring, size):
    rng = random.Random(1000 * ring + size)
    honest, copies = made_up_class(rng, max(0, size - ring), ring)
    sources = [made_up(f"honest{n}", prints) for n, prints in enumerate(honest)]
    sources += [made_up(f"ring{n}", prints) for n, prints in enumerate(copies)]
    rng.shuffle(sources)
    first, *others = find_groups(find_pairs(sources, [], RULES))
    assert sorted(source.label for source in first.members) == sorted(f"ring{n}" for n in range(ring))
    assert len(first.links) == ring - 1
    assert sum(len(group.members) for group in others) <= max(3, 0.05 * size), "honest students who are listed"


@pytest.mark.parametrize("ring", [2, 5, 12])
def test_a_ring_that_hands_in_the_very_same_is_found_if_it_is_the_whole_class(made_up, ring):
    prints = own_prints(random.Random(ring), 80)
    (group,) = find_groups(find_pairs([made_up(f"s{n}", prints) for n in range(ring)], [], RULES))
    assert len(group.members) == ring


def test_an_idiom_of_many_is_no_group(made_up):
    rng = random.Random(4)
    idiom = own_prints(rng, 40)
    sources = [made_up(f"s{n}", own_prints(rng, 20) | (idiom if n % 5 else set())) for n in range(60)]
    assert find_pairs(sources, [], RULES) == []


def test_what_is_common_in_the_archive_is_common(made_up):
    rng = random.Random(5)
    known_elsewhere = own_prints(rng, 30)
    archive = [made_up(f"old{n}", known_elsewhere | own_prints(rng, 5)) for n in range(40)]
    now = [made_up(f"new{n}", known_elsewhere | own_prints(rng, 5)) for n in range(2)]
    assert names(find_pairs(now, [], RULES)) == {frozenset(("new0", "new1"))}
    assert find_pairs(now, archive, RULES) == []


def test_overlaps_are_those_of_the_definition():
    """The matrices against sets, with the weights written out: log((N + UNSEEN) / n) of that for two."""
    rng = random.Random(6)
    ours, theirs = ([frozenset(rng.choices(range(600), k=300)) for _ in range(n)] for n in (9, 5))

    def weight(value):
        def rarity_among(prints):
            having = max(2, sum(value in found for found in prints))
            return math.log((len(prints) + UNSEEN) / having) / math.log((len(prints) + UNSEEN) / 2)

        return min(rarity_among(ours), rarity_among(theirs))

    expected = {}
    for (one, mine), (other, found) in itertools.combinations(enumerate([*ours, *theirs]), 2):
        amount = sum(map(weight, mine & found))
        part = amount / min(sum(map(weight, mine)), sum(map(weight, found)))
        if one < len(ours) and part >= 0.37 and amount >= LEAST_SHARED:
            expected[one, other] = pytest.approx((part, amount))
    assert {found[:2]: found[2:] for found in overlaps(ours, theirs, 0.37)} == expected
    assert 10 < len(expected) < 9 * 8 / 2 + 9 * 5 - 10


@pytest.mark.parametrize("seed", range(12))
def test_overlaps_are_those_of_comparing_everybody_with_everybody(seed, monkeypatch):
    """The inverted index against matrices of all with all, whatever is common, and however it is cut into parts."""
    rng = random.Random(seed)
    monkeypatch.setattr(rarity, "_ROWS", rng.choice([1, 7, 256]))
    monkeypatch.setattr(rarity, "_PAIRS", rng.choice([3, 20_000]))
    skew, pool = rng.choice([1, 2, 4]), rng.choice([50, 300, 2000])

    def drawn():
        return frozenset(int(pool * rng.random() ** skew) for _ in range(rng.choice([0, 5, 20, 80, 200])))

    ours = [drawn() for _ in range(25)]
    ours += [frozenset(value for value in rng.choice(ours) if rng.random() < 0.8) for _ in range(10)]
    theirs = [drawn() for _ in range(rng.choice([0, 12]))] + [rng.choice(ours) for _ in range(3)]
    least = rng.choice([0, 0.2, 0.5, 1])
    expected = everybody_with_everybody(ours, theirs, least)
    found = list(overlaps(ours, theirs, least))
    assert [one[:2] for one in found] == [one[:2] for one in expected]
    assert np.allclose(found, expected, rtol=0, atol=1e-9)


def everybody_with_everybody(ours, theirs, least):
    """Return what `overlaps` finds, as rows (one, other, part, amount), by one matrix of all with all."""
    everybody = [*ours, *theirs]
    values = sorted(set().union(*everybody))
    has = np.array([[value in prints for value in values] for prints in everybody], float)
    weights = np.minimum(
        rarity.rarity(has[: len(ours)].sum(axis=0), len(ours)), rarity.rarity(has[len(ours) :].sum(axis=0), len(theirs))
    )
    shared, own = (has * weights) @ has.T, has @ weights
    smaller = np.minimum(own[:, None], own)
    parts = np.divide(shared, smaller, out=np.zeros_like(shared), where=smaller > 0).round(9)
    enough = np.triu((parts >= least) & (shared.round(9) >= LEAST_SHARED), k=1)[: len(ours)]
    return [(one, other, parts[one, other], shared[one, other]) for one, other in np.argwhere(enough).tolist()]


# ---------------------------------------------------------------------------------------------- a class of real scripts


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_in_a_class_of_a_hundred_the_one_pair_is_found(student):
    rng = random.Random(0)
    sources = [
        student(
            f"s{n}",
            report=write_report(rng=rng),
            **{script: reference(script) + own_code(n) + (ODD if n in (7, 70) else "") for script in SCRIPTS},
        )
        for n in range(100)
    ]
    assert names(find_pairs(sources, [], RULES)) == {frozenset(("s7", "s70"))}


# -------------------------------------------------------------------------------------------------------- fingerprints


@pytest.mark.parametrize(
    "code",
    [
        "",
        '"""never closed',
        "'x\n'''y",
        "def (((",
        "\\",
        "\x00\x01",
        "\udcff = 'é'",
        "0x 1e5 1.2.3",
        '"\\',
        "f'{x!r}'''",
    ],
)
def test_code_that_is_none_has_tokens_all_the_same(code):
    for tokens in (code_tokens(code), comment_tokens(code), word_tokens(code)):
        assert all(0 <= token.first <= token.last <= code.count("\n") for token in tokens)
        hashes(tokens, 2)


def test_tokens_stand_where_they_say():
    code = 'x = "a # b"  # Ein Kommentar\nif y:\n    """two\nlines"""\n    pass'
    assert [(token.text, token.first, token.last) for token in code_tokens(code)] == [
        *(("name", 0, 0), ("=", 0, 0), ("string", 0, 0)),
        *(("if", 1, 1), ("name", 1, 1), (":", 1, 1)),
        *(("string", 2, 3), ("pass", 4, 4)),
    ]
    words = [(token.text, token.first) for token in comment_tokens(code)]
    assert words == [("a", 0), ("b", 0), ("ein", 0), ("kommentar", 0), ("two", 2), ("lines", 3)]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"x = '\xc3\xa9'", "x = 'é'"),
        (b"\xef\xbb\xbfx = 1", "x = 1"),
        ("x = 'é'".encode("utf-16"), "x = 'é'"),
        (b"x = '\xe9'", "x = '\ufffd'"),
        (b"\xff\xfex", "\ufffd"),
        (b"", ""),
    ],
)
def test_source_text_is_read_whatever_its_encoding(data, text):
    assert source_text(data) == text


@pytest.mark.parametrize("name", KINDS)
def test_every_match_of_the_promised_length_shares_a_fingerprint(name):
    """The promise of winnowing, tried on random texts with one common part."""
    kind, rng = KINDS[name], random.Random(1)
    for _ in range(50):
        common = rng.choices(range(10**6), k=kind.size + kind.window - 1)
        texts = [
            [*rng.choices(range(10**6), k=rng.randint(0, 40)), *common, *rng.choices(range(10**6), k=20)] for _ in "ab"
        ]
        tokens = [word_tokens(" ".join(map(str, text))) for text in texts]
        one, other = (winnow(hashes(found, kind.size), kind.window) for found in tokens)
        assert one.keys() & other.keys()


def test_nothing_shorter_than_a_run_is_ever_common():
    rng = random.Random(2)
    common = rng.choices(range(10**6), k=KINDS["report"].size - 1)
    texts = [[*rng.choices(range(10**6), k=30), *common, *rng.choices(range(10**6), k=30)] for _ in "ab"]
    one, other = (set(hashes(word_tokens(" ".join(map(str, text))), KINDS["report"].size)) for text in texts)
    assert not one & other


def test_fingerprints_are_the_same_in_every_process():
    program = "from grading.inside.trusted.fingerprints import *; print(hashes(word_tokens('eins zwei drei vier'), 2))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


# ------------------------------------------------------------------------------------------------------------ the page


def test_passages_are_the_whole_lines_that_match(student):
    (pair,) = find_pairs(
        [
            student("first", model_no1=reference() + ODD),
            student("second", model_no2=renamed(ODD) + reference("model_no2")),
        ],
        [],
        RULES,
    )
    first = passages(pair, "code")[0]
    assert first.files == ("model_no1.py", "model_no2.py")
    assert "total = total * int(side) if side else total" in "\n".join(first.lines[0])
    assert "thing_2 = thing_2 * int(thing_3) if thing_3 else thing_2" in "\n".join(first.lines[1])
    assert "import tensorflow" not in "\n".join(first.lines[0])


def test_the_page_holds_no_untrusted_markup(student, tmp_path):
    bad = ODD.replace("I was bitten", "<script>alert(1)</script> \x1b[31m I was bitten")
    sources = [student("<b>first</b>", model_no1=reference() + bad), student("second", model_no1=reference() + bad)]
    pairs = find_pairs(sources, [], RULES)
    write_page(tmp_path / "page.html", pairs, "<i>2</i>")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in page
    for forbidden in ("<script", "<b>", "<i>", "\x1b"):
        assert forbidden not in page


def test_the_page_names_each_group_on_one_line_and_shows_the_passages_that_connect_it_first(student, tmp_path):
    rings = {"a": ODD, "b": own_code(1)}
    sources = [
        student(f"{ring}{n}", model_no1=reference() + text + own_code(50 + ord(ring) + n) * (n == 2))
        for ring, text in rings.items()
        for n in range(3)
    ]
    write_page(tmp_path / "page.html", find_pairs(sources, [], RULES), "6 submissions")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    groups = re.findall(r"<li>3 submissions, code (?:\d+% to )?100%.*: (.*)</li>", page)
    assert [sorted(group.split("; ")) for group in sorted(groups)] == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    rows = re.findall(r'<tr><td><a href="#pair-\d">\d</a></td><td>(\w)\d</td><td>(\w)\d</td>', page)
    assert rows == [(ring, ring) for ring in [*(rows[0][0] * 2), *(rows[2][0] * 2), rows[4][0], rows[5][0]]]
    assert len({ring for ring, _ in rows[:4]}) == 2, "two pairs connect each group, and the third ones come last"


class Read(HTMLParser):
    """Reads the page as a browser does: the text of each cell and item, and of each passage."""

    def __init__(self, page):
        super().__init__()
        self.cells, self.passages, self.items, self._into = [], [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        into = {"td": self.cells, "th": self.cells, "pre": self.passages, "li": self.items}.get(tag)
        if into is not None:
            into.append("")
            self._into = into

    def handle_endtag(self, tag):
        if tag in ("td", "th", "pre", "li"):
            self._into = None

    def handle_data(self, data):
        if self._into is not None:
            self._into[-1] += data


def test_the_file_for_programs_says_what_the_page_says(student, tmp_path):
    long = "\n".join(own_code(n) for n in range(60, 64))
    sources = [
        dataclasses.replace(student(f"<b>{n}</b>, zip", model_no1=reference() + text), folder=f"folder-{n}")
        for n, text in enumerate([ODD, ODD + own_code(1), long, long, "# \u202e\x1b" + ODD])
    ]
    old = dataclasses.replace(student("old", model_no1=reference() + ODD), label="/home/me/2025/old.zip", student="")
    copies, left_out = [[sources[0], sources[1]]], [(sources[4], "too <i>little</i> \x1b text")]
    pairs = find_pairs(sources[:4], [old], RULES)
    write_page(tmp_path / "similarity.html", pairs, "4 submissions", left_out, copies)
    page = Read((tmp_path / "similarity.html").read_text(encoding="utf-8"))
    found = read_similarities(tmp_path)
    assert "/home/me" not in (tmp_path / "similarity.json").read_text()
    assert [(one.folder, one.label) for one in found.copies[0]] == [
        ("folder-0", "<b>0</b>, zip"),
        ("folder-1", "<b>1</b>, zip"),
    ]
    assert [(one.party.folder, one.reason) for one in found.left_out] == [("folder-4", "too <i>little</i> \\x1b text")]
    assert {(one.folder, one.label) for pair in found.pairs for one in (pair.first, pair.second) if not one.folder} == {
        ("", "old.zip")
    }
    for number, pair in enumerate(found.pairs, 1):
        row = page.cells.index(str(number))
        shares = ", ".join(f"{kind} {share.part:.0%}" for kind, share in pair.shares.items())
        first, second = (cell.rpartition("/")[2] if "/home" in cell else cell for cell in page.cells[row + 1 : row + 3])
        assert (first, second, page.cells[row + 3]) == (pair.first.label, pair.second.label, shares)
    assert len(found.pairs) == found.count["pairs"] == len(pairs) > 2
    passages_shown = [
        "\n".join([*lines, f"... ({more} more lines)"] if more else lines)
        for pair in found.pairs
        for passage in pair.passages
        for lines, more in zip(passage.lines, passage.more_lines, strict=True)
    ]
    assert passages_shown == page.passages
    assert any("more lines" in text for text in passages_shown)
    groups = [f"{group.size} submissions" for group in found.groups]
    assert [item.partition(",")[0] for item in page.items if " submissions, " in item] == groups


def test_a_class_without_pairs_gets_a_page_that_says_so(tmp_path):
    write_page(tmp_path / "page.html", [], "0 submissions")
    assert "Pairs listed: 0" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert read_similarities(tmp_path).pairs == []


@pytest.mark.attack
def test_the_page_has_some_megabytes_at_most_whatever_was_handed_in(student, tmp_path):
    (pair,) = find_pairs([student(name, model_no1=reference() + ODD + "#" + "<" * 5000) for name in "ab"], [], RULES)
    write_page(tmp_path / "page.html", [pair] * 3000, "2 submissions", [(pair.first, "too long")] * 3000)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert len(page) < 1.2 * MOST_BYTES
    assert "The page is full: from pair" in page
    record = tmp_path / "similarity.json"
    assert record.stat().st_size < 1.2 * MOST_BYTES
    found = read_similarities(tmp_path)
    full = int(re.search(r"from pair (\d+) on", page)[1])
    assert [pair.full for pair in found.pairs] == [number >= full for number in range(1, 1001)]
    assert found.count == {"groups": 1, "pairs": 3000, "left_out": 3000}
    assert page.count("... and 2,000 more") == 2
    assert "&lt;" * 201 not in page


# --------------------------------------------------------------------------------------------------------- the sandbox


@pytest.fixture
def kept(request, tmp_path):
    """Return a function that takes the fingerprints of a submission's files and returns what is kept of them."""

    def keep(report="", confined=True, **scripts):
        sandbox = request.getfixturevalue("sandbox") if confined else Unconfined()
        folder = tmp_path / "submission"
        folder.mkdir()
        folder.chmod(0o755)
        for name, text in scripts.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        (tmp_path / "scratch").mkdir()
        keep_texts(tmp_path / "kept.json", folder, report, sandbox, tmp_path / "scratch")
        assert are_kept(tmp_path / "kept.json")
        return Source(tmp_path / "kept.json", "s", "s")

    return keep


@pytest.mark.parametrize("confined", [True, False])
def test_the_sandbox_takes_the_same_fingerprints(kept, student, confined):
    needs("psutil")
    report = write_report(rng=random.Random(3))
    scripts = {"model_no1": reference() + ODD, "model_no2": reference("model_no2"), "model_no3": own_code(4)}
    assert kept(report, confined, **scripts).prints() == student("s", report, **scripts).prints()


def test_a_folder_called_like_a_script_is_none(tmp_path):
    (tmp_path / "submission" / "helpers.py").mkdir(parents=True)
    (tmp_path / "submission" / "helpers.py" / "notes.txt").write_text("x")
    assert list(read_scripts(tmp_path / "submission")) == []


@pytest.mark.attack
@pytest.mark.parametrize("piece", ['\\"""\n', "\\N{", "(", "%(", "'" + "{" * 100])
def test_text_that_keeps_a_pattern_busy_is_within_the_limits(kept, piece):
    source = kept(model_no1=reference() + ODD, notes="'" + piece * (MAX_CHARACTERS // len(piece)))
    assert source.prints()["code"], "the other script is compared all the same"


def test_what_takes_too_long_is_left_out_with_the_limit_named(kept, monkeypatch):
    monkeypatch.setattr(similarity, "LIMITS", dataclasses.replace(similarity.LIMITS, cpu_seconds=0.5))
    source = kept(model_no1="x = (1 + y)\n" * 10**5)
    ((left_out, reason),) = similarity.find_pairs([source], [], RULES)[1]
    assert left_out is source
    assert reason == "taking its fingerprints used more than the 0.5 s of processor time allowed and was stopped"


@pytest.mark.attack
def test_what_is_kept_is_bounded_whatever_was_handed_in(kept):
    rng = random.Random(5)
    lines = "\n".join(f"{rng.random()} = {rng.choice(NOUNS)}" * rng.randint(1, 40) for _ in range(2000))
    source = kept("\x01" * 10**7, **{f"helper{n}": lines for n in range(50)})
    assert source.file.stat().st_size < 8 * 2**20
    assert all(len(values) <= MAX_PRINTS for values in source.prints().values())


TOO_LARGE = (
    b'{"format": 1, "problem": "", "files": [], "prints": {"code": [[%d, 0, 0, 0, 0]], "comments": [], "report": []}}'
)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"problem": ""}', b'{"problem": "", "prints": {"code": 3}}', TOO_LARGE % 2**70],
)
def test_damaged_fingerprints_leave_out_a_submission_and_not_the_class(student, tmp_path, content):
    pair = [student(name, model_no1=reference() + ODD) for name in ("first", "second")]
    damaged = Source(tmp_path / "damaged.json", "damaged", "d")
    damaged.file.write_bytes(content)
    assert not are_kept(damaged.file)
    pairs, left_out = similarity.find_pairs([*pair, damaged], [], RULES)
    assert names(pairs) == {frozenset(("first", "second"))}
    assert [source.label for source, _ in left_out] == ["damaged"]
