"""The study: what is trained and what is used again, what is refused, and whether the statistics are right."""

import csv
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy import special

import plotter
from labkit.errors import DataError
from labkit.networks import TITLES
from labkit.study import ablation, jobs, processes, trainings
from labkit.study import command_line as compare
from labkit.study.finished import count_parameters
from labkit.study.script_differences import unlike_scripts
from tests.support import quick_script
from tests.support.tracing import ROOT

pytestmark = pytest.mark.compare

NETWORKS = ("deep_mnist", "model_no1", "model_no2", "model_no3")
SET_SIGNAL = signal.signal
PATIENCE = 300  # seconds: not a figure to reach, but to end a test that hangs


# ----------------------------------------------------------------------------------- a study of scripts that only guess


class Kit:
    """A folder with four quick scripts, in which `compare` runs; and what can be seen of it from outside."""

    def __init__(self, folder):
        self.folder = folder
        for network in NETWORKS:
            shutil.copy(quick_script.__file__, folder / f"{network}.py")

    def results(self, *parts):
        return self.folder.joinpath("results", *parts)

    def record(self, network, seed):
        return json.loads(self.results(network, f"seed-{seed}", "run.json").read_text())

    def change_record(self, network, seed, **fields):
        path = self.results(network, f"seed-{seed}", "run.json")
        path.write_text(json.dumps(self.record(network, seed) | fields))

    def trained(self):
        """Return what ran since the last call: ["deep_mnist 0 afresh all", ...]."""
        log = self.folder / "log"
        lines = [line.rpartition(" ")[0] for line in log.read_text().splitlines()] if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def files(self):
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file() and path.name != "log"}


def stand_in_for_the_kit(monkeypatch, folder):
    """Make this process and its children compare the quick scripts in `folder`, on 1,000 digits, without TensorFlow."""
    (folder / "packages").mkdir(exist_ok=True)
    (folder / "packages" / "tensorflow.py").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder / "packages"), str(ROOT)]))
    monkeypatch.setattr(jobs, "SCRIPTS", folder)
    monkeypatch.setattr(compare.loader, "read_data_sets", read_digits)
    monkeypatch.setattr(trainings, "POLL", 0.02)
    monkeypatch.setattr(processes, "FORKS", False)  # which pays where TensorFlow is imported; `kits` has it both ways
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest has its own way with signals


def read_digits(directory, dataset):
    name = "synthetic digits" if dataset == "synthetic" else "MNIST"
    return quick_script.digits(name, quick_script.LABELS)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Finish a study of two seeds, pictures and all; return its kit, and what it printed."""
    kit = Kit(tmp_path_factory.mktemp("study"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        stand_in_for_the_kit(monkeypatch, kit.folder)
        assert compare.main(["--seeds", "2"]) == 0
    kit.log = kit.trained()
    return kit


@pytest.fixture
def no_pictures(monkeypatch):
    """Draw no pictures, which take a second and are tested elsewhere."""
    for name in ("plot_comparison", "plot_digit_errors"):
        monkeypatch.setattr(plotter, name, lambda *arguments, **options: None)


@pytest.fixture
def kit(finished, no_pictures, tmp_path, monkeypatch):
    """Copy the finished study, so that a test can tamper with it."""
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    stand_in_for_the_kit(monkeypatch, tmp_path)
    return Kit(tmp_path)


@pytest.mark.smoke
def test_a_study_trains_each_network_with_each_seed_and_writes_its_files(finished):
    expected = [f"{network} {seed} afresh all" for seed in range(2) for network in NETWORKS]
    assert finished.log == expected  # seed by seed: what is there after half of the time can be compared
    written = {path.name for path in finished.results().iterdir() if path.is_file()}
    assert written == {"ablation.md", "ablation.csv", "ablation.png", "ablation_digits.png"}


def test_a_finished_study_is_not_trained_again_and_comes_out_the_same(kit):
    before = kit.results("ablation.md").read_bytes()
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == []
    assert kit.results("ablation.md").read_bytes() == before


def test_more_seeds_add_to_those_that_are_there(kit):
    assert compare.main(["--seeds", "3", "--networks", "model_no3", "deep_mnist"]) == 0
    assert kit.trained() == ["deep_mnist 2 afresh all", "model_no3 2 afresh all"]


def test_a_changed_script_is_trained_again_and_the_others_are_not(kit, capsys):
    script = kit.folder / "model_no2.py"
    script.write_text(script.read_text() + "\nANOTHER = True\n")
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == [f"model_no2 {seed} afresh all" for seed in range(2)]
    assert "model_no2 seed 0, 1: its script has changed since; to be trained again" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("run.json", lambda path: path.write_text(path.read_text()[:500]), "its run.json is damaged"),
        ("run.json", lambda path: path.write_text("[]"), "its run.json is damaged"),
        ("run.json", lambda path: path.write_bytes(b"\xff\xfe\x00"), "its run.json is damaged"),
        (
            "run.json",
            lambda path: path.write_text(path.read_text().replace('"loss"', '"los"')),
            "its run.json is damag",
        ),
        ("predictions.npy", lambda path: path.write_bytes(path.read_bytes()[:300]), "predictions.npy is not the one"),
        ("predictions.npy", lambda path: path.unlink(), "predictions.npy can't be read"),
    ],
    ids=["cut off", "no record", "no text", "no loss", "predictions cut off", "no predictions"],
)
def test_a_damaged_run_is_named_and_trained_again(file, damage, said, kit, capsys):
    damage(kit.results("model_no1", "seed-1", file))
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == ["model_no1 1 afresh all"]
    assert re.search(f"model_no1 seed 1: .*{said}.*; to be trained again", capsys.readouterr().err)


def test_a_run_of_a_version_of_the_kit_before_formats_had_numbers_is_not_trained_again(kit):
    path = kit.results("model_no1", "seed-1", "run.json")
    record = kit.record("model_no1", 1)
    assert record.pop("format") == 1
    path.write_text(json.dumps(record))
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == []


@pytest.mark.parametrize("accuracy", [math.nan, 0.999, 1.5])
def test_an_accuracy_that_the_predictions_do_not_bear_out_is_trained_again(accuracy, kit, capsys):
    kit.change_record("deep_mnist", 0, test_accuracy=accuracy)
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == ["deep_mnist 0 afresh all"]
    assert f"its test accuracy is {accuracy}, but 0.992 of its predictions are right" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "field", "value", "said"),
    [
        ("recipe", "steps", 20, "steps was 20, is 540"),
        ("recipe", "dataset", "synthetic digits", "dataset was synthetic digits, is MNIST"),
        ("recipe", "precision", "float8", "precision was float8, is (float32|bfloat16)"),
        ("sha256", "test", "f" * 64, "data files was ffffffff, is [0-9a-f]{8}"),
        ("packages", "numpy", "1.0.0", "numpy was 1.0.0, is 2"),
        ("packages", "jax", "0.4", "jax was 0.4, is none"),
        ("machine", "processors", 96, r"processors was 96, is \d+"),
        ("machine", "platform", "OS/2-4.5", "system was OS/2, is"),
    ],
)
def test_runs_of_another_kind_are_named_refused_and_left_alone(part, field, value, said, kit, capsys):
    kit.change_record("model_no1", 1, **{part: kit.record("model_no1", 1)[part] | {field: value}})
    before = kit.files()
    assert compare.main(["--seeds", "2"]) == 1
    assert re.search(f"model_no1 seed 1: {said}", capsys.readouterr().err)
    assert kit.trained() == []
    assert kit.files() == before


def test_an_updated_kernel_makes_no_other_machine(kit):
    platform = kit.record("model_no1", 1)["machine"]["platform"]
    kit.change_record("model_no1", 1, machine=kit.record("model_no1", 1)["machine"] | {"platform": platform + "-x"})
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == []


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_the_flags_of_a_run_are_those_to_compare_it_with(kit, capsys):
    assert compare.main(["--seeds", "2", "--steps", "20"]) == 1
    assert "steps was 540, is 20" in capsys.readouterr().err
    assert compare.main(["--seeds", "1", "--steps", "20", "--results-dir", "other"]) == 0
    assert len(kit.trained()) == 4
    assert compare.main(["--seeds", "1", "--steps", "20", "--results-dir", "other"]) == 0
    assert kit.trained() == []
    assert (kit.folder / "other" / "ablation.md").exists()


@pytest.mark.course
@pytest.mark.sample(2, of="what takes seconds")
def test_networks_with_unlike_defaults_are_refused_before_any_training(kit, capsys):
    script = kit.folder / "model_no3.py"
    script.write_text(script.read_text().replace("steps=540", "steps=1000"))
    shutil.rmtree(kit.results())
    assert compare.main(["--seeds", "2"]) == 1
    assert "steps is 540 in deep_mnist and 1000 in model_no3" in capsys.readouterr().err
    assert kit.trained() == []
    assert compare.main(["--seeds", "1", "--steps", "540"]) == 0


def test_a_network_that_is_not_written_yet_is_left_out(kit, capsys):
    (kit.folder / "model_no2.py").unlink()
    assert compare.main(["--seeds", "2"]) == 0
    output = capsys.readouterr()
    assert "model_no2.py is not there yet" in output.err
    assert "the second convolution" in output.err
    assert "no. 2" not in output.out
    assert "no. 3" in output.out


def test_without_the_full_network_there_is_a_table_but_no_difference(kit, capsys):
    assert compare.main(["--networks", "model_no1", "model_no2", "--seeds", "2"]) == 0
    assert "points of test accuracy" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("class Model:\n    def __init__(self:\n", "model_no1.py, line 2: "),
        ("x = 1\x00\n", "model_no1"),
        ("print('my own script')\n", "model_no1.py has no call of lab.parse_flags"),
        ("lab.parse_flags(__doc__, steps=STEPS)\n", "model_no1.py has no call of lab.parse_flags with plain numbers"),
    ],
)
def test_a_script_that_can_not_be_read_is_named_once_and_the_others_go_on(source, said, kit, capsys):
    (kit.folder / "model_no1.py").write_text(source)
    assert compare.main(["--seeds", "2"]) == 1
    output = capsys.readouterr()
    assert output.err.count("failed: model_no1") == 1
    assert said in output.err
    assert "no. 3" in output.out
    assert f"Missing: model_no1, because {said}" in kit.results("ablation.md").read_text()


def test_a_failed_run_is_named_with_its_error_and_does_not_stop_the_rest(kit, capsys):
    for network in NETWORKS[1:]:
        shutil.rmtree(kit.results(network, "seed-0"))
    (kit.folder / "fail").write_text("model_no1 0 the loss is not finite at step 7\n")
    assert compare.main(["--seeds", "2"]) == 1
    assert len(kit.trained()) == 3
    output = capsys.readouterr()
    assert "failed: model_no1 seed 0: the loss is not finite at step 7\n" in output.err
    rows = list(csv.DictReader(kit.results("ablation.csv").read_text().splitlines()))
    assert [row["seed"] for row in rows if row["network"] == "model_no1"] == ["1"]
    assert len(rows) == 7
    (kit.folder / "fail").unlink()
    assert compare.main(["--seeds", "2"]) == 0
    assert kit.trained() == ["model_no1 0 afresh all"]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "os._exit(0)",
            "it ended well, but it left no run.json: keep everything outside of the class Model as it is .*",
        ),
    ],
)
def test_however_a_script_ends_without_a_result_it_is_told_in_a_line(statement, said, kit, capsys):
    script = kit.folder / "model_no1.py"
    script.write_text(script.read_text().replace("def words_of(name):", f"{statement}\n\n\ndef words_of(name):"))
    shutil.rmtree(kit.results())
    assert compare.main(["--seeds", "1", "--networks", "model_no1"]) == 1
    errors = capsys.readouterr().err
    assert re.search(f"^failed: model_no1 seed 0: {said}$", errors, re.MULTILINE)
    assert "there is no finished run" in errors
    assert "Traceback" not in errors


def test_a_script_that_no_longer_trains_is_not_taken_for_one_that_has_changed(kit, capsys):
    script = kit.folder / "model_no1.py"
    script.write_text(script.read_text().replace("    lab.run_script(main, FLAGS)", "    pass"))
    assert compare.main(["--seeds", "1", "--networks", "model_no1"]) == 1
    errors = capsys.readouterr().err
    assert "failed: model_no1 seed 0: it ended well, but it left no run.json: keep everything outside" in errors
    assert "failed: model_no1 seed 0: its script has changed" not in errors


def test_a_mistake_in_a_script_is_not_tried_with_each_seed(kit, capsys):
    script = kit.folder / "model_no1.py"
    script.write_text(
        script.read_text().replace("def words_of(name):", "raise RuntimeError('no way')\n\n\ndef words_of(name):")
    )
    shutil.rmtree(kit.results("model_no1"))
    assert compare.main(["--seeds", "3", "--networks", "model_no1"]) == 1
    errors = capsys.readouterr().err
    assert errors.count(": RuntimeError: no way") == 2  # as it happens, and at the end
    assert re.search(
        r"^failed: model_no1 seed 0: model_no1\.py, .*; so not tried with seed 1, 2$", errors, re.MULTILINE
    )


def make_it_another_network(kit, network, other):
    script = kit.folder / f"{network}.py"
    script.write_text(script.read_text().replace("Model(flags.script)", f"Model('{other}')"))


def test_nothing_is_concluded_about_a_layer_that_was_not_removed(kit, capsys):
    make_it_another_network(kit, "model_no2", "model_no1")
    for seeds, trained in (("2", ["model_no2 0 afresh all"]), ("2", [])):
        assert compare.main(["--seeds", seeds]) == 1
        assert kit.trained() == trained, "one seed is enough to see it"
        output = capsys.readouterr()
        assert (
            "failed: model_no2: model_no2.py has 12,857,994 parameters, which is what model_no1.py should have, and "
            "without the second convolution, its ReLU and its pooling it would be 6,434,634" in output.err
        )
        assert "pytest tests/test_shapes.py -m no2" in output.err
        assert "no. 2" not in output.out
        assert "no. 3" in output.out
    assert "Missing: model_no2, because " in kit.results("ablation.md").read_text()


def test_without_the_lecture_s_network_there_is_nothing_to_compare_with(kit, capsys):
    make_it_another_network(kit, "deep_mnist", "model_no3")
    assert compare.main(["--seeds", "1"]) == 1
    output = capsys.readouterr()
    assert "deep_mnist.py has 83,466 parameters, which is what model_no3.py should have, and the lec" in output.err
    assert "removing" not in output.out.lower()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("WRONG = {", "WRONG = {'x': 1} | {", "first in line "),
        ("\n\ndef words_of(name):", "\n\nimport math\n\n\ndef words_of(name):", "first in line "),
        ("    lab.run_script(main, FLAGS)", "    lab.run_script(main, FLAGS)\nprint('done')", "`print('done')`"),
    ],
)
def test_a_script_that_differs_in_more_than_its_model_gets_a_caution(before, after, said, kit, capsys):
    script = kit.folder / "model_no3.py"
    script.write_text(script.read_text().replace(before, after, 1))
    assert compare.main(["--seeds", "1"]) == 0
    caution = r"Caution: model_no3\.py differs from deep_mnist\.py outside of the class Model, .*" + re.escape(said)
    assert len(re.findall(caution, capsys.readouterr().err)) == 1
    assert re.search(caution, kit.results("ablation.md").read_text())


def test_another_docstring_and_another_model_are_no_reason_for_a_caution():
    for network in NETWORKS[1:]:
        if not (ROOT / f"{network}.py").is_file():
            pytest.skip(f"{network}.py is not there yet")
    assert unlike_scripts(NETWORKS) == []


def test_a_script_that_is_edited_while_it_runs_is_told(kit, capsys):
    script = kit.folder / "model_no1.py"
    script.write_text(
        script.read_text().replace("def words_of(name):", "open(__file__, 'a').write('X = 1')\n\n\ndef words_of(name):")
    )
    assert compare.main(["--seeds", "1", "--networks", "model_no1"]) == 1
    assert "failed: model_no1 seed 0: its script has changed since" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags", [["--seeds", "0"], ["--seed", "3"], ["--networks", "model_no4"], ["--jobs", "100000"], ["--steps", "ten"]]
)
def test_a_bad_flag_ends_with_status_2(flags, capsys):
    with pytest.raises(SystemExit) as end:
        compare.main(flags)
    assert end.value.code == 2
    assert flags[-1] in capsys.readouterr().err


def test_data_that_can_not_be_had_is_told_in_a_line(kit, monkeypatch, capsys):
    def read(*_, **__):
        raise DataError("no data anywhere")

    monkeypatch.setattr(compare.loader, "read_data_sets", read)
    assert compare.main([]) == 1
    assert capsys.readouterr().err == "error: no data anywhere\n"


def test_tables_that_can_not_be_written_are_told_in_a_line_and_no_run_is_lost(kit, capsys):
    kit.results("ablation.md").unlink()
    kit.results("ablation.md").mkdir()  # where the file should go
    before = kit.files()
    assert compare.main(["--seeds", "2"]) == 1
    errors = capsys.readouterr().err
    assert re.fullmatch(r"error: .*ablation\.md cannot be written: .*\n", errors)
    assert kit.files() == before


def test_synthetic_digits_are_told_in_every_table_and_sentence(kit, capsys):
    assert compare.main(["--seeds", "1", "--dataset", "synthetic", "--results-dir", "other"]) == 0
    output = capsys.readouterr().out
    report = (kit.folder / "other" / "ablation.md").read_text()
    assert "not MNIST: no figure here says anything about MNIST" in report
    headers = [line for line, rule in zip(report.splitlines(), report.splitlines()[1:], strict=False) if "---" in rule]
    assert len(headers) == 3
    assert all("synthetic digits, not MNIST" in header for header in headers)
    sentences = [line for line in output.splitlines() if "removing the" in line]
    assert len(sentences) == 3
    assert all(line.startswith("On synthetic digits, not MNIST, ") for line in sentences)


# --------------------------------------------------------------------------------- forked, or in a Python of their own


needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="scripts are forked on Linux only")


@pytest.fixture
def forking(kit, monkeypatch):
    """Make a kit whose scripts are forked where they can be, in which nothing is trained yet."""
    monkeypatch.setattr(processes, "FORKS", sys.platform == "linux")
    monkeypatch.setenv("MNIST_DATA_DIR", str(kit.folder / "none"))
    shutil.rmtree(kit.results())
    return kit


@pytest.fixture(params=["each by itself", pytest.param("forked", marks=needs_fork)])
def either(request, forking, monkeypatch):
    """Make the same, and one whose scripts are started as on Windows and macOS."""
    monkeypatch.setattr(processes, "FORKS", request.param == "forked")
    return forking


def insert(kit, network, statement):
    """Put a statement into a script, which is executed as the script starts."""
    script = kit.folder / f"{network}.py"
    script.write_text(script.read_text().replace("def words_of(name):", f"{statement}\n\n\ndef words_of(name):"))


def test_a_script_that_fails_costs_its_own_run_only_and_is_told_alike_either_way(either, capsys):
    insert(either, "model_no1", "raise RuntimeError('no way')")
    insert(either, "model_no2", "os.kill(os.getpid(), 9)")
    insert(either, "model_no3", "raise SystemExit('enough')")
    assert compare.main(["--seeds", "1"]) == 1
    assert either.trained() == ["deep_mnist 0 afresh all"]
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert [line.removeprefix("failed: ").replace(" seed 0", "") for line in failed] == [
        "model_no1: model_no1.py, line 67, `raise RuntimeError('no way')`: RuntimeError: no way",
        "model_no2: it ended with exit status -9",
        "model_no3: model_no3.py runs nothing: its last lines have to be "
        '`if __name__ == "__main__":` and `lab.run_script(main, FLAGS)`',
    ]


def test_jobs_at_once_share_the_processors_out_either_way(either, monkeypatch):
    monkeypatch.setattr(trainings, "processors", lambda: 8)
    study = ["--seeds", "1", "--networks", "deep_mnist", "model_no2"]
    assert compare.main([*study, "--jobs", "3"]) == 0
    assert sorted(either.trained()) == ["deep_mnist 0 afresh 2", "model_no2 0 afresh 2"]
    assert compare.main(study) == 0
    assert either.trained() == [], "how many threads a run had makes it no other run"


UNTIL_THE_NEXT_ONE = """
    deadline = time.monotonic() + 60
    while flags.script == "deep_mnist" and "model_no1" not in (HERE / "log").read_text():
        assert time.monotonic() < deadline, "nothing else has started"
        time.sleep(0.02)
"""


def test_the_next_training_starts_when_the_last_step_of_one_is_saved(forking):
    saved = '(run.folder / "checkpoint" / "run-1-step-540.index").touch()'
    script = forking.folder / "deep_mnist.py"
    script.write_text(
        script.read_text().replace("    run.test()\n", f"    {saved}{UNTIL_THE_NEXT_ONE}    run.test()\n")
    )
    assert compare.main(["--seeds", "1", "--networks", "deep_mnist", "model_no1"]) == 0


def test_pictures_are_drawn_beside_the_next_training_at_the_lowest_priority(either):
    tell = '    (HERE / "nice").write_text(str(os.nice(0)))\n' if sys.platform != "win32" else ""
    script = either.folder / "deep_mnist.py"
    script.write_text(script.read_text().replace("    run.test()\n", f"    run.test(){UNTIL_THE_NEXT_ONE}{tell}"))
    assert compare.main(["--seeds", "1", "--networks", "deep_mnist", "model_no1"]) == 0
    assert not tell or (either.folder / "nice").read_text() == "19"


def test_the_next_seed_of_a_network_starts_only_when_one_has_ended(forking):
    script = forking.folder / "deep_mnist.py"
    seen = 'if flags.seed == 0:\n        time.sleep(1)\n        assert "deep_mnist 1" not in (HERE / "log").read_text()'
    script.write_text(script.read_text().replace("    run.test()\n", f"    run.test()\n    {seen}\n"))
    assert compare.main(["--seeds", "2", "--networks", "deep_mnist"]) == 0


@needs_fork
def test_forked_scripts_draw_numbers_of_their_own_and_start_as_python_starts_them(forking):
    numbers = "import random, sys; print(np.random.rand(), random.random(), file=open(HERE / 'drawn', 'a'))"
    told = "print(sys.argv[1:3], __name__, sys.path[0] == str(HERE), file=open(HERE / 'told', 'a'))"
    for network in ("deep_mnist", "model_no3"):
        insert(forking, network, f"{numbers}\n{told}")
    assert compare.main(["--seeds", "1", "--networks", "deep_mnist", "model_no3"]) == 0
    drawn = (forking.folder / "drawn").read_text().split()
    assert len(set(drawn)) == len(drawn) == 4
    assert set((forking.folder / "told").read_text().splitlines()) == {"['--seed', '0'] __main__ True"}


@needs_fork
def test_where_nothing_can_be_forked_scripts_run_by_themselves(forking):
    (forking.folder / "packages" / "plotter.py").touch()
    (forking.folder / "packages" / "tensorflow.py").write_text(
        "import os, sys\nif 'fork_server' in sys.argv[0]: os.abort()\n"
    )
    assert compare.main(["--seeds", "1", "--networks", "deep_mnist", "model_no3"]) == 0
    assert forking.trained() == ["deep_mnist 0 afresh all", "model_no3 0 afresh all"]


@needs_fork
def test_a_fork_server_that_is_killed_costs_the_run_at_work_and_the_others_go_on(forking, capsys):
    insert(forking, "model_no1", "os.kill(os.getppid(), 9); time.sleep(60)")
    assert compare.main(["--seeds", "1", "--networks", "model_no1", "model_no3"]) == 1
    assert forking.trained() == ["model_no3 0 afresh all"]
    failed = [line for line in capsys.readouterr().err.splitlines() if line.startswith("failed: ")]
    assert failed == ["failed: model_no1 seed 0: it ended with exit status -9"]


def test_a_system_without_fork_and_its_signals_can_import_all_of_a_study():
    code = (
        "import os, signal, socket\n"
        "for module, name in ((signal, 'SIGCHLD'), (signal, 'SIGKILL'), (os, 'fork'), (socket, 'AF_UNIX')):\n"
        "    hasattr(module, name) and delattr(module, name)\n"
        "import labkit.study.command_line"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=PATIENCE)


# ----------------------------------------------------------------------------------------------- Ctrl-C, kill, continue


def start(kit, *flags, stderr=subprocess.PIPE):
    """Start compare.py with quick scripts in a process of its own; wait for the run that waits to be killed."""
    code = (
        "import sys, pathlib; from tests.study import test_compare; "
        "from labkit.study import jobs, command_line as compare; "
        "jobs.SCRIPTS = pathlib.Path.cwd(); compare.loader.read_data_sets = test_compare.read_digits; "
        "sys.exit(compare.main(sys.argv[1:]))"
    )
    (kit.folder / "wait").write_text("model_no2 0\n")
    process = subprocess.Popen(
        [sys.executable, "-c", code, *flags],
        cwd=kit.folder,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,
    )
    checkpoint, deadline = kit.results("model_no2", "seed-0", "checkpoint", "checkpoint"), time.monotonic() + PATIENCE
    while not checkpoint.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    (kit.folder / "wait").unlink()
    return process


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_folder_that_can_not_be_written_is_told_for_each_run(kit, capsys):
    shutil.rmtree(kit.results())
    kit.results().write_text("a file where the folder should go")
    assert compare.main(["--seeds", "1", "--networks", "model_no3"]) == 1
    errors = capsys.readouterr().err
    assert re.search("failed: model_no3 seed 0: .*results", errors)
    assert "Traceback" not in errors


@pytest.mark.training
@pytest.mark.sample(2, of="what takes seconds")
@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_the_display_tells_what_runs_what_is_done_and_how_long_it_takes(half_done):
    import fcntl
    import pty
    import struct
    import termios

    terminal, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = start(half_done, "--seeds", "1", stderr=side)
    os.close(side)
    shown = os.read(terminal, 10_000).decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    os.close(terminal)
    assert re.search(r"2 of 4 runs \|.*\| 00:\d\d gone, now model_no2 seed 0", shown)


def test_the_time_left_counts_down_until_there_is_news():
    now = 100.0
    forecast = trainings.Forecast(2, clock=lambda: now)
    assert forecast.seconds_left(2, 6) is None
    left = []
    for now, done in ((110.0, 2.5), (115.0, 2.5), (119.0, 2.5), (120.0, 3.0), (300.0, 3.0)):  # noqa: B007
        left.append(forecast.seconds_left(done, 6))
    assert left == [70, 65, 61, 60, 0]
    assert forecast.seconds_left(3, 5) == 400  # a network was given up


def test_the_display_follows_the_steps_of_a_training(tmp_path, monkeypatch):
    (tmp_path / "slow.py").write_text(
        "import time\nprint('step 30 of 1,080, 1 s: loss 1', flush=True)\ntime.sleep(60)\n"
    )
    monkeypatch.setattr(jobs, "SCRIPTS", tmp_path)
    starter = processes.Starter({}, ("", "synthetic"))
    training = trainings.Training(jobs.TrainingJob("slow", 3, tmp_path, {"recipe": {"steps": 1080}}), [], starter)
    try:
        assert training.steps() == (0, 1)
        deadline = time.monotonic() + PATIENCE
        while training.steps() == (0, 1):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        bar = trainings.tqdm(total=3, initial=1, disable=True)
        message = trainings._at_present([training], bar, trainings.Forecast(1))
        assert re.fullmatch(r"\d\d:\d\d left, now slow seed 3, step 30 of 1,080", message)
    finally:
        starter.close()
        training.fault()


@pytest.fixture
def half_done(kit):
    """Make a kit in which the first seed of model_no2 and model_no3 is still to be trained."""
    for network in ("model_no2", "model_no3"):
        shutil.rmtree(kit.results(network))
    return kit


THE_REST = ["model_no2 0 resumed all", "model_no3 0 afresh all"]


@pytest.mark.skipif(sys.platform == "win32", reason="no signals there")
@pytest.mark.training
@pytest.mark.sample(2, of="what takes seconds")
@pytest.mark.parametrize(("end", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stopped_study_leaves_no_training_behind_and_continues_where_it_was(end, status, half_done):
    process = start(half_done, "--seeds", "1")
    process.send_signal(getattr(signal, end))  # to it alone: a shell would send Ctrl-C to its children, too
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    assert not is_alive(int((half_done.folder / "log").read_text().split()[-1]))
    if end == "SIGINT":
        assert errors.splitlines()[-1] == "stopped by Ctrl-C; the same command continues from here"
    half_done.trained()
    assert compare.main(["--seeds", "1"]) == 0
    assert half_done.trained() == THE_REST


def test_ctrl_c_while_a_training_starts_leaves_none_behind(kit, monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)  # before anybody else knows of the process

    monkeypatch.setattr(signal, "signal", SET_SIGNAL)
    monkeypatch.setattr(subprocess, "Popen", Popen)
    shutil.rmtree(kit.results())
    assert compare.main(["--seeds", "1"]) == 130
    assert [process.returncode is None for process in started] == [False], "nobody has waited for it to end"


@pytest.mark.training
@pytest.mark.skipif(sys.platform == "win32", reason="no process groups there")
def test_a_killed_study_continues_where_it_was(half_done):
    process = start(half_done, "--seeds", "1")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    half_done.trained()
    assert compare.main(["--seeds", "1"]) == 0
    assert half_done.trained() == THE_REST


def test_a_checkpoint_that_does_not_allow_to_resume_is_left_out(kit):
    kit.results("model_no1", "seed-0", "run.json").unlink()
    script = kit.folder / "model_no1.py"
    refusal = "if flags.resume:\n        raise lab.LabError('the checkpoint is of another run')\n    flags.precision ="
    script.write_text(script.read_text().replace("flags.precision =", refusal, 1))
    assert compare.main(["--seeds", "1"]) == 0
    assert kit.trained() == ["model_no1 0 resumed all", "model_no1 0 afresh all"]


# ----------------------------------------------------------------------------------------------- with the lab's scripts


def run(*flags, cwd, **environment):
    return subprocess.run(
        [sys.executable, ROOT / "compare.py", *map(str, flags)],
        cwd=cwd,
        env=os.environ | {"MNIST_DATA_DIR": ""} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_help_tells_what_it_is_for_without_loading_what_a_study_takes(tmp_path):
    for package in ("tensorflow", "scipy", "matplotlib"):
        (tmp_path / f"{package}.py").write_text("raise ImportError('too early')\n")
    done = run("--help", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for word in ("--seeds", "--networks", "--jobs", "--steps", "--data-dir", "ablation.md", "Ctrl-C"):
        assert word in done.stdout
    missing = run("--seeds", 1, cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert missing.returncode == 1
    assert missing.stderr == (
        "error: a package is missing (too early); to install it: pip install -r requirements.txt\n"
    )


def outcome(folder):
    """Return all that a run has left but times: files of it, and variables in its checkpoint, to what they hold."""
    import tensorflow as tf  # here, because most of these tests do without

    record = json.loads((folder / "run.json").read_text())
    del record["training_seconds"], record["flags"]["results_dir"]
    for entry in record["history"]:
        del entry["seconds"]
    checkpoint = tf.train.load_checkpoint(str(folder / "checkpoint"))
    names = [name for name in checkpoint.get_variable_to_shape_map() if not name.startswith(("state", "save_counter"))]
    pictures = [path for path in folder.glob("*.png") if path.name != "curves.png"]  # which tells the time
    assert (len(names) > 3, len(pictures), (folder / "curves.png").exists()) == (True, 4, True)
    return (
        {"run.json": record, "predictions.npy": (folder / "predictions.npy").read_bytes()}
        | {name: checkpoint.get_tensor(name).tobytes() for name in names if name != "_CHECKPOINTABLE_OBJECT_GRAPH"}
        | {path.name: path.read_bytes() for path in pictures}
    )


def assert_as_alone(tmp_path, *flags):
    """Hold the third and the fourth run of a study against the same two, each by its script alone."""
    networks = ["deep_mnist", "model_no3"]
    if not (ROOT / "model_no3.py").is_file():
        pytest.skip("model_no3.py is not there yet")
    commands = [[f"{network}.py", "--seed", 1, "--results-dir", "alone", *flags] for network in networks]
    commands.append(["compare.py", "--seeds", 2, "--results-dir", "study", *flags, "--networks", *networks])
    started = [
        subprocess.Popen(
            [sys.executable, ROOT / script, *map(str, rest)], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        for script, *rest in commands
    ]
    for process in started:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    for network in networks:
        alone, of_study = (outcome(tmp_path / folder / network / "seed-1") for folder in ("alone", "study"))
        assert alone.keys() == of_study.keys()
        assert [name for name in alone if alone[name] != of_study[name]] == []


def test_a_run_of_a_study_is_bit_for_bit_that_of_its_script_alone(synthetic_dir, tmp_path):
    assert_as_alone(tmp_path, "--steps", 3, "--batch-size", 16, "--dataset", "synthetic", "--data-dir", synthetic_dir)


@pytest.mark.training
@pytest.mark.sample(1, of="what takes seconds")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_on_mnist_it_is_so_in_each_precision(precision, mnist_dir, tmp_path):
    flags = ["--steps", 60, "--dataset", "mnist", "--data-dir", mnist_dir]
    assert_as_alone(tmp_path, *flags, "--precision", precision)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_defaults_of_a_lab_script_are_read_as_it_tells_them(network):
    script = ROOT / f"{network}.py"
    if not script.is_file():
        pytest.skip(f"{script.name} is not there yet")
    output = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, timeout=PATIENCE).stdout
    defaults = jobs.read_defaults(script.name, script.read_bytes())
    assert defaults.keys() == {"steps", "batch_size", "learning_rate", "schedule", "label_smoothing"}
    for name, value in defaults.items():
        help_text = " ".join(output.rpartition(f"--{name.replace('_', '-')} ")[2].split())
        assert help_text.partition("(default: ")[2].startswith(f"{value})"), name


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_a_study_of_the_lab_scripts_can_be_stopped_and_continued(synthetic_dir, tmp_path):
    flags = ["--seeds", 2, "--steps", 30, "--dataset", "synthetic", "--data-dir", synthetic_dir]
    command = [sys.executable, ROOT / "compare.py", *map(str, flags)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "results/model_no1/seed-0/checkpoint/checkpoint").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    finished = tmp_path / "results/deep_mnist/seed-0/run.json"
    before = finished.stat().st_mtime_ns

    done = run(*flags, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert finished.stat().st_mtime_ns == before
    rows = list(csv.DictReader((tmp_path / "results/ablation.csv").read_text().splitlines()))
    assert [(row["network"], row["seed"]) for row in rows] == [(n, s) for n in NETWORKS for s in "01"]
    for row in rows:
        folder = tmp_path / "results" / row["network"] / f"seed-{row['seed']}"
        assert float(row["test_accuracy"]) == json.loads((folder / "run.json").read_text())["test_accuracy"]
        assert int(row["errors"]) == sum(int(row[f"errors_on_{digit}"]) for digit in range(10))
        assert int(row["errors"]) == round(10_000 * (1 - float(row["test_accuracy"])))
    with (tmp_path / "results/ablation.md").open(encoding="utf-8") as report:
        assert "synthetic digits, not MNIST" in report.read()


# ----------------------------------------------------------------------------------------------------------- statistics


def study(**accuracies):
    """Make Runs with these accuracies in percent, and with no more than statistics need."""
    return {
        network: [
            ablation.FinishedRun(network, seed, {"test_accuracy": value / 100, "dataset": "MNIST"}, None)
            for seed, value in enumerate(values)
        ]
        for network, values in accuracies.items()
    }


def test_the_interval_of_a_mean_is_student_s():
    # By hand: mean 3, s = sqrt(10 / 4), t(0.975; 4 degrees of freedom) = 2.776 from the table.
    mean, low, high = ablation.mean_interval([1, 2, 3, 4, 5])
    assert mean == 3
    assert (low, high) == pytest.approx((3 - 2.776 * math.sqrt(2.5 / 5), 3 + 2.776 * math.sqrt(2.5 / 5)), abs=1e-3)


@pytest.mark.parametrize("values", [[99.2], [99.2, 99.2, 99.2]], ids=["one", "equal"])
def test_without_a_spread_there_is_no_interval(values):
    assert ablation.mean_interval(values) == (pytest.approx(99.2), None, None)


def test_intervals_end_where_percentages_do():
    assert ablation.mean_interval([99.9, 90.0])[2] == 100
    assert ablation.mean_interval([0.1, 9.0])[1] == 0
    found = ablation.differences(study(deep_mnist=[5.0, 15.0], model_no1=[90.0, 99.0]))["model_no1"]
    assert found.low < found.points < found.high == 100


WELCH = [  # accuracies of the full network, and of an ablation
    ([99.2, 99.1, 99.3], [99.0, 98.9, 99.1]),
    ([99.20, 99.25, 99.15, 99.21, 99.28], [98.5, 99.1, 98.9, 98.7, 98.9]),
    ([99.2, 99.3], [90.0, 95.0, 93.0]),
]


@pytest.mark.parametrize(("full", "other"), WELCH)
def test_the_p_of_a_single_comparison_is_welch_s(full, other):
    a, b = np.var(full, ddof=1) / len(full), np.var(other, ddof=1) / len(other)
    t = (np.mean(other) - np.mean(full)) / math.sqrt(a + b)
    freedom = (a + b) ** 2 / (a**2 / (len(full) - 1) + b**2 / (len(other) - 1))  # Welch 1947, Satterthwaite 1946
    expected = special.betainc(freedom / 2, 0.5, freedom / (freedom + t * t))  # the t distribution's two tails
    found = ablation.differences(study(deep_mnist=full, model_no1=other))["model_no1"]
    assert (found.p, found.comparisons) == (pytest.approx(expected), 1)


def test_p_and_interval_allow_for_the_number_of_comparisons():
    full, other = [99.20, 99.10, 99.30], [98.94, 98.91, 99.04]
    alone = ablation.differences(study(deep_mnist=full, model_no1=other))["model_no1"]
    among = ablation.differences(study(deep_mnist=full, model_no1=other, model_no2=full, model_no3=full))["model_no1"]
    assert among.p == pytest.approx(3 * alone.p)
    freedom = (0.01 + 0.0139 / 3) ** 2 / ((0.01**2 + (0.0139 / 3) ** 2) / 2)  # variances 0.01 and 0.0139 / 3
    wider = special.stdtrit(freedom, 1 - 0.05 / 3 / 2) / special.stdtrit(freedom, 1 - 0.05 / 2)
    assert (among.high - among.low) / (alone.high - alone.low) == pytest.approx(wider)
    assert alone.significant
    assert not among.significant


def test_a_difference_is_significant_where_its_interval_has_no_zero_in_it():
    rng = np.random.default_rng(0)
    verdicts = set()
    for shift in np.linspace(0, 0.4, 60):
        full, other = rng.normal(99, 0.1, (2, 4))
        found = ablation.differences(study(deep_mnist=full, model_no1=other - shift, model_no2=full))["model_no1"]
        assert found.significant == (found.low > 0 or found.high < 0)
        verdicts.add(found.significant)
    assert verdicts == {True, False}


def test_a_network_with_one_seed_has_a_difference_but_no_test_and_the_others_are_tested():
    found = ablation.differences(study(deep_mnist=[99.2, 99.3], model_no1=[99.0], model_no2=[98.0, 98.1]))
    assert found["model_no1"] == ablation.Difference(pytest.approx(-0.25))
    assert found["model_no2"].significant
    assert found["model_no2"].comparisons == 1


def test_seeds_that_never_vary_are_not_tested():
    found = ablation.differences(study(deep_mnist=[99.2, 99.2], model_no1=[99.0, 99.0]))
    assert found == {"model_no1": ablation.Difference(pytest.approx(-0.2))}


@pytest.mark.parametrize("full", [[99.2, 99.2], [99.2, 99.2, 99.2]])
def test_a_network_whose_seeds_agree_is_tested_without_a_warning(full, recwarn):
    found = ablation.differences(study(deep_mnist=full, model_no1=[99.0, 99.1, 98.9]))
    assert found["model_no1"].p is not None
    assert len(recwarn) == 0


def test_the_images_alone_move_an_accuracy_by_what_the_binomial_distribution_says():
    # 1.96 * sqrt(0.992 * 0.008 / 10,000), in percent; Wilson's is a little wider.
    assert ablation.sampling_error(99.2, 10_000) == pytest.approx(0.1746, rel=0.01)
    assert ablation.sampling_error(100.0, 10_000) > 0


def trained(network, labels, wrong, seed=0):
    """Make a Run that takes each image whose number is in `wrong` for the next digit."""
    predictions = labels.copy()
    predictions[wrong] = (labels[wrong] + 1) % 10
    accuracy = 1 - len(wrong) / len(labels)
    return ablation.FinishedRun(network, seed, {"test_accuracy": accuracy, "dataset": "MNIST"}, predictions)


def test_mcnemar_weighs_the_images_that_only_one_network_gets_right():
    labels = np.arange(100) % 10
    runs = {
        "deep_mnist": [trained("deep_mnist", labels, [0, 1, 2])],
        "model_no1": [trained("model_no1", labels, [1, 2, *range(10, 19)])],
        "model_no2": [trained("model_no2", labels, [0, 1, 2])],
    }
    found = ablation.pairs(runs, labels)
    pair = found["model_no1"]
    assert (pair.both, pair.only_full, pair.only_ablation, pair.neither) == (88, 9, 1, 2)
    # By hand: of 10 tosses, 9 or more on one side, either side; and two comparisons.
    assert pair.comparisons == 2
    assert pair.p == pytest.approx(2 * 2 * (math.comb(10, 9) + 1) / 2**10)
    assert found["model_no2"].p == 1


def test_mcnemar_compares_the_first_seed_that_both_have():
    labels = np.arange(100) % 10
    runs = {
        "deep_mnist": [trained("deep_mnist", labels, [0], seed) for seed in (0, 2, 3)],
        "model_no1": [trained("model_no1", labels, [seed], seed) for seed in (1, 2, 3)],
    }
    pair = ablation.pairs(runs, labels)["model_no1"]
    assert (pair.seed, pair.only_full, pair.only_ablation) == (2, 1, 1)


def test_mcnemar_is_corrected_for_the_comparisons_that_there_are():
    labels = np.arange(100) % 10
    runs = {
        "deep_mnist": [trained("deep_mnist", labels, [0, 1, 2])],
        "model_no1": [trained("model_no1", labels, [1, 2, *range(10, 19)])],
        "model_no2": [trained("model_no2", labels, [5], seed=1)],  # a seed that the full network does not have
    }
    (pair,) = ablation.pairs(runs, labels).values()
    assert (pair.comparisons, pair.p) == (1, pytest.approx(2 * (math.comb(10, 9) + 1) / 2**10))


def test_errors_are_counted_for_each_digit_in_percent_of_its_images():
    rng = np.random.default_rng(0)
    labels, *guesses = rng.integers(0, 10, (4, 300))
    runs = {"deep_mnist": [ablation.FinishedRun("deep_mnist", seed, {}, guess) for seed, guess in enumerate(guesses)]}
    found = ablation.digit_errors(runs, labels)["deep_mnist"]
    for digit in range(10):
        images = [n for n in range(300) if labels[n] == digit]
        wrong = sum(1 for guess in guesses for n in images if guess[n] != digit)
        assert found[digit] == pytest.approx(100 * wrong / (3 * len(images)))


# ------------------------------------------------------------------------------------------------------------ sentences


def described(**accuracies):
    """Make Runs with these accuracies, and with whatever else a table shows of a run."""
    runs = study(**accuracies)
    for run in (run for of_network in runs.values() for run in of_network):
        run.record.update(parameters=10, training_seconds=1.0)
    return runs


def conclude(**accuracies):
    runs = study(**accuracies)
    (sentence,) = ablation.conclusions(runs, np.arange(10))
    return sentence, ablation.differences(runs)["model_no2"]


def numbers(text):
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


def test_a_loss_is_said_with_its_interval_and_what_was_tested():
    sentence, found = conclude(deep_mnist=[99.2, 99.3, 99.25], model_no2=[98.8, 98.7, 98.72])
    assert sentence.startswith("Removing the second convolution, its ReLU and its pooling (no. 2) costs 0.51 points")
    assert sentence.endswith("; a difference in mean accuracy over the seeds is shown (Welch's t-test: p < 0.001).")
    assert numbers(sentence)[:3] == pytest.approx([-found.points, -found.high, -found.low], abs=0.005)


def test_a_gain_is_said_as_one():
    sentence, found = conclude(deep_mnist=[98.8, 98.7, 98.72], model_no2=[99.2, 99.3, 99.25])
    assert "gains 0.51 points" in sentence
    assert numbers(sentence)[:3] == pytest.approx([found.points, found.low, found.high], abs=0.005)


def test_a_difference_that_is_not_shown_is_neither_claimed_nor_denied():
    sentence, found = conclude(deep_mnist=[99.2, 99.3, 99.1], model_no2=[99.1, 99.2, 99.22])
    assert "is not shown, nor that there is none" in sentence
    assert found.low < 0 < found.high


@pytest.mark.parametrize("shift", [0, -0.003, 0.003])
def test_a_tie_neither_costs_nor_gains(shift):
    full = np.array([99.2, 99.3, 99.1])
    sentence, found = conclude(deep_mnist=full, model_no2=full + shift)
    assert "changes test accuracy by less than 0.01 points" in sentence
    assert numbers(sentence)[1:3] == pytest.approx([found.low, found.high], abs=0.005)


def test_a_p_never_contradicts_its_verdict():
    for p in (0.04996, 0.0499999, 0.05, 0.0504, 0.0501):
        text = ablation._p(p)
        assert (float(text.removeprefix("p = ")) < 0.05) == (p < 0.05), text
    assert [ablation._p(p) for p in (0.0004, 0.001, 0.0123, 1.0)] == [
        "p < 0.001",
        "p = 0.001",
        "p = 0.012",
        "p = 1.000",
    ]


def test_the_end_of_an_interval_shows_on_which_side_of_zero_it_is():
    assert [ablation._end(value) for value in (0.0041, -0.0003, 0.0, 1.234, -5.0)] == [
        "0.004", "-0.0003", "0.00", "1.23", "-5.00"
    ]  # fmt: skip


def test_of_seeds_that_never_vary_the_sentence_claims_nothing():
    sentence, _ = conclude(deep_mnist=[10.0, 10.0], model_no2=[9.0, 9.0])
    assert "no seed of either differs from another" in sentence
    assert "(all seeds alike)" in ablation.main_table(described(deep_mnist=[10.0, 10.0], model_no2=[9.0, 9.0]))


@pytest.mark.parametrize(("wrong", "said"), [(range(10, 19), "these two trained networks differ"), ([5], "not shown")])
def test_of_a_single_seed_the_sentence_is_about_these_two_trainings(wrong, said):
    labels = np.arange(100) % 10
    runs = {
        "deep_mnist": [trained("deep_mnist", labels, [0])],
        "model_no3": [trained("model_no3", labels, list(wrong))],
    }
    (sentence,) = ablation.conclusions(runs, labels)
    assert f"{len(wrong)} image{'s are' if len(wrong) > 1 else ' is'} right only with it, 1 only without it" in sentence
    assert said in sentence
    assert "luck of the seed takes more seeds" in sentence


def test_the_digits_that_suffer_are_named_worst_first_where_a_difference_is_shown():
    runs = study(deep_mnist=[99.0, 99.1], model_no1=[98.7, 98.8], model_no2=[90.0, 90.1], model_no3=[99.0, 99.1])
    full = np.full(10, 1.0)
    worse = np.array([1, 1, 1, 1.5, 1, 1, 1, 1, 3, 1])
    errors = {"deep_mnist": full, "model_no1": worse, "model_no2": worse, "model_no3": worse}
    assert ablation.digit_sentences(runs, errors) == [
        "Without the second convolution, its ReLU and its pooling (no. 2) the errors rise most for the digits "
        "8 (from 1.00 to 3.00%), 3 (from 1.00 to 1.50%).",
        "Of no. 1 and no. 3 no difference over the seeds is shown, so nothing is said of single digits.",
    ]
    assert "rise for no digit" in ablation.digit_sentences(runs, dict.fromkeys(errors, full))[0]


def test_the_report_holds_what_the_runs_say(finished):
    report = finished.results("ablation.md").read_text(encoding="utf-8")
    rows = {cells[0]: cells for line in report.splitlines() if (cells := re.split(r"\s*\|\s*", line.strip("| ")))}
    runs = {network: [finished.record(network, seed) for seed in range(2)] for network in NETWORKS}
    for network, name in TITLES.items():
        cells = rows[f"{name} (`{network}`)"]
        assert cells[1] == f"{count_parameters(network):,}"
        assert float(cells[2]) == np.median([run["training_seconds"] for run in runs[network]])
        assert float(cells[4].split()[0]) == round(100 * np.mean([run["test_accuracy"] for run in runs[network]]), 2)
    versions = runs["deep_mnist"][0]["packages"]
    for fact in ("MNIST, 1,000 test images", "Seeds: 0, 1", "steps 540", *(f"{n} {v}" for n, v in versions.items())):
        assert fact in report
    for method in ("Welch", "McNemar", "Student", "Bonferroni", "for these 1,000 test images", "chosen with the full"):
        assert method in report
    assert len(re.findall("^- Removing .* test accuracy", report, re.MULTILINE)) == 3
    full = np.mean([100 * run["test_accuracy"] for run in runs["deep_mnist"]])
    assert f"an accuracy of {full:.2f}% by about ±{ablation.sampling_error(full, 1000):.2f} points" in report
