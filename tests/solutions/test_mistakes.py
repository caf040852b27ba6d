"""Everyday mistakes in scripts: the message is one line that leads to the fix, the same from script, pytest, check."""

import json
import re
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from grading.inside.worker.worker import _noise
from labkit import host
from labkit.checks import model_check
from labkit.checks.graph import judging
from labkit.checks.graph.architecture import Verdict
from labkit.host import Host
from labkit.run import entry, frame
from labkit.submission import student_checks
from tests import test_shapes
from tests.submissions.mistaken import read_all
from tests.support.tracing import ROOT

pytestmark = pytest.mark.submit

MISTAKES = {mistake.name: mistake for mistake in read_all()}
# What only running a script shows; the other two find nothing wrong with its network.
RUN_ONLY = ("no1_end_deleted", "no1_first_guard_deleted")
# What a script can't tell by itself: Python reads nothing of it, or it never gets to the lab's code.
SILENT = ("no1_tab_space", "no1_indent", "no1_smart_quotes", "no1_py2print", "no1_empty", "no1_input_call_at_import")
SILENT += ("no1_blank_of_a_pdf", "no1_times_of_a_pdf", "no1_dash_of_a_pdf", "no1_prompt", "no1_merge_conflict")
# Those that take a second or more, most of them because their networks are right, or nearly, and read whole.
LONG = (
    *("no1_print_at_import", "no1_steps100", "no1_keep07", "no1_dropout_always", "no1_dropout_removed"),
    *("no1_only_pooling_removed", "no1_helper_import", "no1_renamed_conv1", "no1_renamed_vars", "no1_good", "no2_good"),
    *("no1_unused_vars_kept", "no1_keras_model", "no1_relu_removed", "no1_32filters", "no1_subclass"),
    *("no1_unchanged_copy", "no1_softmax_out", "no1_wrong_layer", "no3_good", "no3_dropout_left"),
    *("no1_pool_kept_only_conv_removed", "no1_tfnn_dropout_keepprob", "no1_bias64_forgot", "no1_keras_seq_softmax"),
    *("no1_missing_self", "no1_keras_seq"),
    *("no1_deleted_lines_only", "no1_forgot_channels", "no1_fixed_fc1_not_reshape", "no3_forgot_1024"),
    *("no3_deleted_lines_only", "no2_forgot_both_fc1", "no2_64_instead_of_32", "no1_renamed_class_only_def"),
    *("no1_keep_prob_no_argument", "no1_one_bias", "no1_bias_not_added", "no1_layer_made_in_call"),
    *("no1_matmul_swapped", "no1_reshape_as_method", "no1_return_removed", "no1_dropout_keep_prob_named"),
    *("no1_filters_swapped", "no1_bias_column", "no1_digits_returned", "no1_hidden_layer_returned"),
    *("no1_reshape_to_the_batch", "no1_variable_scope", "no1_contrib_flatten", "no1_reshape_not_a_list"),
    *("no1_call_single_underscores", "no1_weight_variable_without_return", "no1_self_missing_init"),
)
IN_COURSES = (pytest.mark.course, pytest.mark.sample(6, of="mistakes"))


class BuiltError(BaseException):
    """Ends a main where its Run has been made: no training is needed for these messages."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Make an empty folder for one script, in which the lab's functions look for it; examine each Model once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(test_shapes, "ROOT", tmp_path)
    examined = {}

    def examine(script, model, original=model_check.examine):
        if script not in examined:
            examined[script] = original(script, model)
        if not examined[script][1]:  # one that fails may end the process, where nothing has looked at it before
            model(np.zeros([1, 784], np.float32))  # as examining it does: Keras makes its variables then
        return examined[script]

    def look(script, data, images, whole=True, original=judging.look):
        return original(script, data, images) if whole else judging.Look(Verdict((), (), 0.0, ()))

    monkeypatch.setattr(judging, "look", look)  # how far a failing model gets is no part of the line
    monkeypatch.setattr(model_check, "examine", examine)
    monkeypatch.setattr(test_shapes, "examine", examine)
    test_shapes.looked_at.cache_clear()  # of the solutions, where their own tests have run before
    (tmp_path / "deep_mnist.py").write_bytes((ROOT / "deep_mnist.py").read_bytes())
    yield tmp_path
    test_shapes.looked_at.cache_clear()


@pytest.fixture
def fresh():
    """Return a function that forgets a module of the script's name; restore all of them afterwards."""
    before = {script: sys.modules.pop(script) for script in student_checks.NETWORKS if script in sys.modules}
    yield lambda script: sys.modules.pop(script, None)
    for script in student_checks.NETWORKS:
        sys.modules.pop(script, None)
    sys.modules.update(before)


def message_of_check(mistake, folder, monkeypatch):
    """Return the first message of `submit.py check` about a script, without its 20 steps and its training."""

    def look(arguments, seconds, cwd):
        Path(arguments[3]).write_text(json.dumps(model_check.script_problems(arguments[2])), encoding="utf-8")
        return SimpleNamespace(problem=None, log="")

    monkeypatch.setattr(student_checks, "run_child", look)
    monkeypatch.setattr(student_checks, "_check_steps", lambda name, path, seconds: student_checks.passed(name, ""))
    path = folder / f"{mistake.script}.py"
    checks = list(student_checks._check_script(mistake.script, folder, 60, lambda what: None))
    checks.append(student_checks._trained_alike(student_checks.passed("training", ""), path))
    failed = [check.message for check in checks if check.status == "failed"]
    return re.sub(r"( \(and \d+ more\))?; all of it: python -m pytest.*", "", failed[0]) if failed else ""


def message_of_pytest(mistake):
    """Return the first line with which tests/test_shapes.py fails."""
    tests = [test for name, test in vars(test_shapes).items() if name.startswith("test_")]
    for test in tests:
        try:
            test(mistake.script)
        except pytest.fail.Exception as failed:
            return str(failed).partition("\n")[0]
        except pytest.skip.Exception:
            continue
    return ""


def message_of_script(mistake, folder, monkeypatch, capsys):
    """Return the line that the script itself prints, up to its first step."""

    def end(*_):
        raise BuiltError

    monkeypatch.setattr(frame.record, "keep_longer_run", end)
    monkeypatch.setattr(host, "current", Host(read_data_sets=_noise))
    path = folder / f"{mistake.script}.py"
    monkeypatch.setattr(sys, "argv", [str(path), "--steps", "1"])
    started = types.ModuleType("__main__")
    started.__file__ = str(path)
    monkeypatch.setitem(sys.modules, "__main__", started)
    watched = []
    monkeypatch.setattr(entry.atexit, "register", watched.append)
    monkeypatch.setattr(entry, "_ran", [])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    entry.watch_script()
    try:
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), vars(started))
        watched[0]()
    except (BuiltError, SystemExit):
        pass
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(("error: ", "warning: "))]
    return re.sub(r"^(error|warning): | \(all of it: .*\)$", "", lines[0]) if lines else ""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=IN_COURSES if name in LONG else ()) for name in MISTAKES],
)
def test_a_mistake_is_told_in_one_line_wherever_it_is_met(name, folder, fresh, monkeypatch, capsys):
    mistake = MISTAKES[name]
    (folder / f"{mistake.script}.py").write_text(mistake.source, encoding="utf-8")
    if name in RUN_ONLY:
        assert mistake.message in message_of_script(mistake, folder, monkeypatch, capsys)
        return
    fresh(mistake.script)
    check = message_of_check(mistake, folder, monkeypatch)
    fresh(mistake.script)
    shapes = message_of_pytest(mistake)
    assert mistake.message in check
    assert bool(check) == bool(mistake.message)
    assert ".; " not in check, "a reason's full stop stands before its advice"
    assert shapes == check
    if name not in SILENT:
        assert message_of_script(mistake, folder, monkeypatch, capsys) == check
