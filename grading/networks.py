"""Checks the networks of a submission: runs its scripts in the sandbox, and judges what comes out as data.

    with Inspector(sandbox) as inspector:
        checks = check_networks(folder, assignment, sandbox, train, inspector, data, workdir, scripts)

The grader's own process, in which this runs, imports nothing of a submission, and no TensorFlow.

What the checks rest on: architecture and accuracy are those of a frozen graph that a trusted process inspects and then
runs on the test images, so nothing that a submission prints, returns or writes decides them. Whether a script runs to
its end is told by the kit's own code around it, in the same process as the script: code that hunts through memory for
what to say can forge that. It has few points for that reason; and whatever merely ends its process gets none.
"""

import json
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from grading.assignment import NETWORKS, Assignment
from grading.checks import Check, failed, passed, skipped
from grading.inspection import KEEP_MEMORY, START_SECONDS, Inspector, data_file, read_test_set, stage
from grading.limits import MIB, Limits
from grading.runner import Sandbox
from grading.worker import IMPORT_SHARE, STEPS
from grading.worker_report import Records, read_report
from idx_files import TRAIN_IMAGES, TRAIN_LABELS
from mnist_files import load_files

__all__ = ["Inspector", "check_networks", "find_data"]

MODULES = ("grading/__init__", "grading/forks", "grading/freezing", "grading/importing", "grading/worker")
# What the lab hands out and a script may import; not the solutions, which a submission could hand back.
KIT = ("deep_mnist", "idx_files", "input_data", "lab", "lab_files", "lab_flags", "mnist_files", "plotter")
KIT += ("softmax_mnist", "synthetic_digits")
KIT += ("labkit/__init__", "labkit/notebook", "labkit/startup", "labkit/data/__init__", "labkit/data/loader")
KIT += ("labkit/run/__init__", "labkit/run/frame")
RECIPE = ("steps", "batch_size", "learning_rate", "label_smoothing", "seed")
FOLDERS = {f"GRADING_{name.upper()}": f"/{name}" for name in ("submission", "output", "data")}
SCRATCH = ("/output", "/tmp", "/dev/shm")  # folders in a sandbox that a script may write to
LAYERS_SHOWN = 20  # of those found; the full network has eight
UNTRAINED_IMAGES = 1000
UNTRAINED = 0.5  # accuracy; first weights drawn at random guess right for a tenth of the images


def find_data(directory: Path) -> Path:
    """The directory of MNIST, complete. Raises idx_files.DataError where it can't be had."""
    load_files(directory)
    return directory


def worker_limits(assignment: Assignment, wall_seconds: float) -> Limits:
    """What student code may use, in the worker and all that it starts."""
    return Limits(
        wall_seconds=wall_seconds,
        cpu_seconds=wall_seconds * Limits.threads,
        memory_bytes=assignment.limits.memory_mb * MIB,
        output_bytes=256 * MIB,  # three graphs
        scratch_bytes=256 * MIB,
    )


def check_networks(
    folder: Path,
    assignment: Assignment,
    sandbox: Sandbox,
    train: bool,
    inspector: Inspector,
    data: Path | None,
    workdir: Path,
    scripts: set[str],
) -> list[Check]:
    """The checks run/, architecture/ and training/ of a submission unpacked to `folder`.

    Args:
        folder: holds model_no1.py and so on, and whatever they import.
        assignment: limits, recipe and bands.
        sandbox: to run the submission in.
        train: whether to train the networks that are right; otherwise the checks training/ are skipped.
        inspector: to judge the networks with.
        data: the directory of MNIST (see `find_data`); it may be None where nothing is trained.
        workdir: an empty folder, for what the sandbox leaves.
        scripts: the names of the scripts that are there.

    Raises:
        SandboxError: the sandbox or the inspector failed, for which the submission is not to blame.
    """
    return _Submission(folder, assignment, sandbox, inspector, data if train else None, workdir, scripts).check()


@dataclass(frozen=True)
class _Submission:
    folder: Path
    assignment: Assignment
    sandbox: Sandbox
    inspector: Inspector
    data: Path | None  # None: nothing is trained
    workdir: Path
    scripts: set[str]
    untrained: dict[str, float | None] = field(default_factory=dict)  # the accuracy of each script's first weights

    def check(self):
        present = [script for script in NETWORKS if script in self.scripts]
        checks = {}
        records = self._records("try", present, self.assignment.limits.run_seconds)
        for script in present:
            checks |= self._check_script(script, records[script])
        right = [script for script in present if self._is_right(script, checks)]
        trained = self._records("train", right if self.data else [], self.assignment.limits.training_seconds)
        for script in trained:
            checks[f"training/{script}"] = self._check_training(script, trained[script])
        names = [f"{kind}/{script}" for kind in ("run", "architecture", "training") for script in NETWORKS]
        return [checks.get(name) or skipped(name, self._why_skipped(name, checks)) for name in names]

    def _is_right(self, script, checks):
        check = checks.get(f"architecture/{script}")
        return check is not None and check.passed

    def _why_skipped(self, name, checks):
        kind, _, script = name.partition("/")
        if script not in self.scripts:
            return f"there is no {script}.py"
        if kind == "training" and self._is_right(script, checks):
            return "the networks were not trained this time"
        depends_on = "architecture" if f"architecture/{script}" in checks else "run"
        return f"this needs {depends_on}/{script} to be right first"

    # ------------------------------------------------------------------------------------------------ in the sandbox

    def _records(self, task, scripts, seconds):
        """Has the worker do a task with the scripts; returns the Records of each.

        Where that comes to a bad end, each script gets a sandbox of its own: one of them is to blame, not the others.
        """
        if not scripts:
            return {}
        output = Path(tempfile.mkdtemp(dir=self.workdir))
        outcome = self._run_worker(task, scripts, seconds, output)
        if outcome.problem is None:
            return read_report(output, scripts)
        if len(scripts) == 1:
            return {scripts[0]: Records(stopped=outcome)}
        return {script: self._records(task, [script], seconds)[script] for script in scripts}

    def _run_worker(self, task, scripts, seconds, output):
        recipe = {name: getattr(self.assignment.training, name) for name in RECIPE}
        # With their values, untrained weights show whether they know the digits already; without, graphs are small.
        job = {"task": task, "scripts": scripts, "seconds": seconds, "with_values": bool(self.data), "recipe": recipe}
        job["scratch"] = () if self.sandbox.name == "none" else SCRATCH  # outside of a sandbox, they are everybody's
        read_only = {"/submission": self.folder, "/data": self.workdir / "data"}
        read_only |= {"/grader": stage(self.workdir / "grader", MODULES), "/kit": stage(self.workdir / "kit", KIT)}
        read_only["/data"].mkdir(exist_ok=True)
        for name in (TRAIN_IMAGES, TRAIN_LABELS) if task == "train" else ():
            shutil.copyfile(data_file(self.data, name), read_only["/data"] / name)
        wall_seconds = START_SECONDS + (1 + 2 * IMPORT_SHARE) * seconds * len(scripts)
        return self.sandbox.run(
            [self.sandbox.python, "-m", "grading.worker", json.dumps(job)],
            read_only=read_only,
            output=output,
            limits=worker_limits(self.assignment, wall_seconds),
            env={"PYTHONPATH": "/grader:/kit", **FOLDERS, **KEEP_MEMORY},
        )

    # ---------------------------------------------------------------------------------------------------- the checks

    def _check_script(self, script, records):
        """The checks run/ and architecture/; the latter only where there is a graph to look at."""
        name = f"run/{script}"
        problem = self._run_problem(script, records)
        if problem:
            checks = {name: failed(name, problem, log=records.log, seconds=records.seconds)}
        else:
            message = f"{script}.py imports without training, has its Model, and runs {STEPS} steps to the end"
            checks = {name: passed(name, message, log=records.log, seconds=records.seconds)}
        if records.graph:
            checks[f"architecture/{script}"] = self._check_architecture(script, records)
        return checks

    def _run_problem(self, script, records):
        """Why the script does not import, or not run to its end, as a sentence for the student; None if it does."""
        seconds = self.assignment.limits.run_seconds
        problem = records.problem("import", f"importing {script}.py", IMPORT_SHARE * seconds)
        problem = problem or records.problem("run", f"python {script}.py --steps {STEPS}", seconds)
        if problem:
            return problem
        run = records.tasks["run"]
        if run.status:
            return f"python {script}.py --steps {STEPS} ended with exit status {run.status}: {_last_words(run)}"
        if run.steps != STEPS:
            return (
                f"python {script}.py --steps {STEPS} ended without having finished its {STEPS} steps; "
                "keep the main of deep_mnist.py as it is: a lab.Run counts the steps, and run.finish() comes last"
            )
        return records.problem("export", f"calling the Model of {script}.py", IMPORT_SHARE * seconds, optional=True)

    def _check_architecture(self, script, records):
        name = f"architecture/{script}"
        export = records.tasks.get("export")  # where the script did not run to its end
        error = export.error if export else ""
        started = time.perf_counter()
        test = {"data": self.data, "count": UNTRAINED_IMAGES} if self.data and not error else {}
        found = self.inspector.inspect(script, records.graph, whole=not error, **test)
        self.untrained[script] = found.accuracy
        problems = [f"the model fails: {error}", *found.problems] if error else found.problems
        more = len(found.layers) - LAYERS_SHOWN
        layers = [*found.layers[:LAYERS_SHOWN], *([f"... and {more} more"] if more > 0 else [])]
        details = {"layers": tuple(layers), "remarks": tuple(found.remarks), "seconds": time.perf_counter() - started}
        if not problems:
            return passed(name, f"the layers are those of {script}", **details)
        return failed(name, "; ".join(problems), fraction=min(found.fraction, 0.9), **details)

    def _check_training(self, script, records):
        name, seconds = f"training/{script}", self.assignment.limits.training_seconds
        details = {"log": records.log, "seconds": records.seconds}
        problem = records.problem("train", f"training the Model of {script}.py", seconds)
        graph = records.graph if not problem else None
        if graph is None:
            return failed(name, problem or f"training the Model of {script}.py left no network", **details)
        found = self.inspector.inspect(script, graph, data=self.data, count=len(read_test_set(self.data)[1]))
        if found.accuracy is None:
            what = "; ".join(found.problems)
            return failed(name, f"after training, the network is another than before: {what}", **details)
        details["accuracy"] = found.accuracy
        before = self.untrained[script]
        if before is None or before > UNTRAINED:
            remark = f"the first weights of {script} know the digits before any training; look at the script"
            message = "the first weights know the digits before any training; they have to be random"
            return failed(name, message, remarks=(remark,), **details)
        return self._in_band(script, found.accuracy, details)

    def _in_band(self, script, accuracy, details):
        name, (low, high) = f"training/{script}", self.assignment.bands[script]
        result = (
            f"test accuracy {accuracy:.4f} after {self.assignment.training.steps:,} steps of the kit's own training"
        )
        expected = f"expected {low:g} to {high:g}"
        if accuracy < low:
            return failed(name, f"{result}, {expected}: the network learns less than it should", **details)
        if accuracy > high:
            remark = f"{script} scores more than its network can ({accuracy:.4f}); look at the script"
            return failed(name, f"{result}, {expected}: your instructor will look at it", remarks=(remark,), **details)
        return passed(name, f"{result}, {expected}", **details)


def _last_words(run):
    """Why a script ended, told by lab.run_script, or else whatever came last; not where it has put the whole trace."""
    if run.error:
        return run.error
    lines = run.log.strip().splitlines() or [""]
    told = [line for line in lines if line.startswith("error: ")] or lines
    return told[-1].removeprefix("error: ").partition(" (all of it: ")[0]
