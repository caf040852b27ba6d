"""Checks the networks of a submission: runs its scripts in the sandbox, and judges what comes out as data.

    with Inspector(sandbox) as inspector:
        checks = check_networks(folder, rules, sandbox, train, inspector, data, workdir, scripts)

The grader's own process, in which this runs, imports nothing of a submission, and no TensorFlow.

What the checks rest on: architecture/ and training/ on the frozen graph alone, which a trusted process reads; it builds
the network anew of what it read, and trains and tests that. So nothing that a submission prints, returns, writes or
computes on the side decides them. run/ rests on samples of the weights from before and after the script's 20 steps,
which are read there, too; and on the kit's own code around the script, in the same process: code that hunts through
memory can forge these. It has few points for that reason.
"""

import json
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from grading.inside.worker.worker import IMPORT_SHARE
from grading.networks.inspection import KEEP_MEMORY, START_SECONDS, Inspection, Inspector, data_file
from grading.networks.worker_report import Record, Records, read_report
from grading.sandbox.runner import Sandbox
from grading.staging import WORKER, stage
from labkit.checks.assignment import NETWORKS, Rules
from labkit.checks.check import Check, CheckId, accuracies_of, failed, passed, skipped, undecided
from labkit.data.idx_files import TRAIN_IMAGES, TRAIN_LABELS
from labkit.data.mnist_files import load_files
from labkit.limits import MIB, Limits, Outcome
from labkit.networks import TRIAL_STEPS

__all__ = ["Inspector", "check_networks", "find_data"]

RECIPE = ("steps", "batch_size", "learning_rate", "label_smoothing", "seed")
FOLDERS = {f"GRADING_{name.upper()}": f"/{name}" for name in ("submission", "output")}
SCRATCH = ("/output", "/tmp", "/dev/shm")  # folders in a sandbox that a script may write to
LAYERS_SHOWN = 20  # of those found; the full network has eight
RESERVE_SECONDS = 60  # of the time for a submission, for its scripts one by one where all at once come to a bad end
UNTRAINED = 0.5  # accuracy; first weights drawn at random guess right for a tenth of the images


def find_data(directory: Path) -> Path:
    """Return the directory of MNIST, complete; raise DataError where files are missing or bad."""
    load_files(directory)
    return directory


def worker_limits(rules: Rules, wall_seconds: float) -> Limits:
    """Return what student code may use, in the worker and all that it starts."""
    return Limits(
        wall_seconds=wall_seconds,
        cpu_seconds=wall_seconds * Limits.threads,
        memory_bytes=rules.limits.memory_mb * MIB,
        output_bytes=256 * MIB,  # three graphs
        scratch_bytes=256 * MIB,
        file_bytes=128 * MIB,
    )


def check_networks(
    folder: Path,
    rules: Rules,
    sandbox: Sandbox,
    train: bool,
    inspector: Inspector,
    data: Path | None,
    workdir: Path,
    scripts: set[str],
) -> list[Check]:
    """Run the checks run/, architecture/ and training/ of a submission unpacked to `folder`.

    Args:
        folder: holds model_no1.py and so on, and whatever they import.
        rules: limits, recipe and bands.
        sandbox: to run the submission in.
        train: whether to train the networks that are right; otherwise the checks training/ are skipped.
        inspector: to judge the networks with.
        data: the directory of MNIST (see `find_data`); it may be None where nothing is trained.
        workdir: an empty folder, for what the sandbox leaves.
        scripts: the names of the scripts that are there.

    Raises:
        SandboxError: the sandbox or the inspector failed, for which the submission is not to blame.
    """
    return _Submission(folder, rules, sandbox, inspector, data if train else None, workdir, scripts).check()


@dataclass(frozen=True)
class _Submission:
    folder: Path
    rules: Rules
    sandbox: Sandbox
    inspector: Inspector
    data: Path | None  # None: nothing is trained
    workdir: Path
    scripts: set[str]
    started: float = field(default_factory=time.monotonic)

    def check(self) -> list[Check]:
        present = [script for script in NETWORKS if script in self.scripts]
        records = self._records(present)
        checks: dict[CheckId, Check] = {}
        for script in present:
            checks |= self._check_script(script, records[script])
        names = [CheckId(kind, script) for kind in ("run", "architecture", "training") for script in NETWORKS]
        return [checks.get(name) or skipped(name, self._why_skipped(name, checks)) for name in names]

    def _is_right(self, script: str, checks: dict[CheckId, Check]) -> bool:
        check = checks.get(CheckId("architecture", script))
        return check is not None and check.passed

    def _why_skipped(self, name: CheckId, checks: dict[CheckId, Check]) -> str:
        script = name.subject
        if script not in self.scripts:
            return f"there is no {script}.py"
        if name.group == "training" and (self.data is None or self._is_right(script, checks)):
            return "the networks were not trained this time"
        depends_on = "architecture" if CheckId("architecture", script) in checks else "run"
        return f"this needs {depends_on}/{script} to be right first"

    # ------------------------------------------------------------------------------------------------ in the sandbox

    def _seconds(self, scripts: list[str]) -> float:
        """Return the wall time for a worker: what these scripts need at most, or what the submission has left."""
        limit = self.rules.limits.run_seconds
        whole = START_SECONDS + (1 + IMPORT_SHARE) * limit * len(NETWORKS) + RESERVE_SECONDS
        needed = START_SECONDS + (1 + IMPORT_SHARE) * limit * len(scripts)
        return min(needed, self.started + whole - time.monotonic())

    def _records(self, scripts: list[str]) -> dict[str, Records]:
        """Let the worker do its tasks with the scripts; return the Records of each.

        Where that ends badly, each script gets a sandbox of its own: one of them is to blame, not the others.
        """
        if not scripts:
            return {}
        output = Path(tempfile.mkdtemp(dir=self.workdir))
        seconds = self._seconds(scripts)
        if seconds <= 0:
            problem = "was not tried: the submission's other scripts have used up the time for all of them"
            return {script: Records(stopped=Outcome("timeout", None, "", 0.0, 0.0, problem)) for script in scripts}
        outcome = self._run_worker(scripts, seconds, output)
        if outcome.problem is None:
            return read_report(output, scripts)
        if len(scripts) == 1:
            return {scripts[0]: Records(stopped=outcome)}
        return {script: self._records([script])[script] for script in scripts}

    def _run_worker(self, scripts: list[str], seconds: float, output: Path) -> Outcome:
        job = {"scripts": scripts, "seconds": self.rules.limits.run_seconds}
        job["scratch"] = () if self.sandbox.name == "none" else SCRATCH  # outside of a sandbox, they are everybody's
        read_only = {"/submission": self.folder, "/kit": stage(self.workdir / "kit", WORKER)}
        if self.data:  # what a submission does where there is something to train, it does here, where that is seen
            read_only |= {f"/data/{name}": data_file(self.data, name) for name in (TRAIN_IMAGES, TRAIN_LABELS)}
        return self.sandbox.run(
            [self.sandbox.python, "-m", "grading.inside.worker.worker", json.dumps(job)],
            read_only=read_only,
            output=output,
            limits=worker_limits(self.rules, seconds),
            env={"PYTHONPATH": "/kit", **FOLDERS, **KEEP_MEMORY},
        )

    # ---------------------------------------------------------------------------------------------------- the checks

    def _check_script(self, script: str, records: Records) -> dict[CheckId, Check]:
        """Run the checks of a script; architecture/ only where there is a graph, training/ where that is right."""
        name, inspection, checks = CheckId("run", script), None, {}
        if records.graph:
            started = time.perf_counter()
            inspection = self._inspect(script, records)
            checks |= self._check_network(script, records, inspection, time.perf_counter() - started)
        problem = self._run_problem(script, records, inspection)
        details = {"log": records.log, "seconds": records.seconds}
        if problem:
            return {name: failed(name, problem, **details), **checks}
        message = f"{script}.py imports without training, has its Model, and runs {TRIAL_STEPS} steps to the end"
        return {name: passed(name, message, **details), **checks}

    def _inspect(self, script: str, records: Records) -> Inspection:
        assert records.graph is not None
        training = {}
        if self.data:
            recipe = {name: getattr(self.rules.training, name) for name in RECIPE}
            training = {"recipe": recipe, "training_seconds": self.rules.limits.training_seconds}
        whole = not records.tasks["export"].model_error
        return self.inspector.inspect(
            script, records.graph, whole=whole, weights=records.weights, data=self.data, **training
        )

    def _run_problem(self, script: str, records: Records, inspection: Inspection | None) -> str | None:
        """Say why the script does not import, or not run to its end, in a sentence for the student; None if it does."""
        seconds = self.rules.limits.run_seconds
        problem = records.problem("export", f"importing {script}.py and its Model", IMPORT_SHARE * seconds)
        problem = problem or records.problem("run", f"python {script}.py --steps {TRIAL_STEPS}", seconds)
        if problem:
            return problem
        run, error = records.tasks["run"], records.tasks["export"].model_error
        if run.status:
            return f"python {script}.py --steps {TRIAL_STEPS} ended with exit status {run.status}: {_last_words(run)}"
        if run.steps != TRIAL_STEPS:
            return (
                f"python {script}.py --steps {TRIAL_STEPS} ended without having finished its {TRIAL_STEPS} steps; "
                "keep the main of deep_mnist.py as it is: a lab.Run counts the steps, and run.finish() comes last"
            )
        if error:
            return f"calling the Model of {script}.py: {error}"
        if not records.weights:
            return (
                f"python {script}.py --steps {TRIAL_STEPS}: its weights could not be read after the {TRIAL_STEPS} steps"
            )
        return f"python {script}.py --steps {TRIAL_STEPS}: {inspection.run}" if inspection and inspection.run else None

    def _check_network(
        self, script: str, records: Records, inspection: Inspection, seconds: float
    ) -> dict[CheckId, Check]:
        """Return the checks architecture/, and training/ where the network was trained."""
        name, error = CheckId("architecture", script), records.tasks["export"].model_error
        problems = [f"the model fails: {error}", *inspection.problems] if error else inspection.problems
        more = len(inspection.layers) - LAYERS_SHOWN
        layers = [*inspection.layers[:LAYERS_SHOWN], *([f"... and {more} more"] if more > 0 else [])]
        remarks = tuple(f"{script}: {remark}" for remark in inspection.remarks)
        details = {"layers": tuple(layers), "remarks": remarks, "seconds": seconds}
        if problems:
            return {name: failed(name, "; ".join(problems), fraction=min(inspection.fraction, 0.9), **details)}
        if inspection.unread:
            message = (
                f"the grader could not read this network, so your instructor will look at it: {inspection.unread}; "
                "nothing was found to be wrong"
            )
            checks = {name: undecided(name, message, **details)}
            if self.data:
                message = f"{script} could not be trained, because the grader could not read it"
                checks[CheckId("training", script)] = undecided(CheckId("training", script), message)
            return checks
        checks = {name: passed(name, f"the layers are those of {script}", **details)}
        if self.data:
            checks[CheckId("training", script)] = self._check_training(script, inspection)
        return checks

    def _check_training(self, script: str, inspection: Inspection) -> Check:
        name, recipe = CheckId("training", script), self.rules.training
        if inspection.training_problem or inspection.trained is None or inspection.untrained is None:
            return failed(name, inspection.training_problem or "the network could not be trained in the time allowed")
        if inspection.untrained > UNTRAINED:
            remark = f"the first weights of {script} know the digits before any training; look at the script"
            message = "the first weights know the digits before any training; they have to be random"
            return failed(name, message, remarks=(remark,))
        result = f"test accuracy {inspection.trained:.4f} after {recipe.steps:,} steps of the kit's own training"
        measured = accuracies_of("training", {script: (inspection.trained,)})
        if inspection.trained >= recipe.lowest:
            return passed(name, f"{result}, expected {recipe.lowest:g} or more", accuracies=measured)
        hint = "the first weights may be far too large, or far too small; those of deep_mnist.py do"
        if any("scaled" in remark for remark in inspection.remarks):
            hint = "the images are scaled before the first layer, although they are in [0, 1] already: leave that out"
        return failed(name, f"{result}, expected {recipe.lowest:g} or more: {hint}", accuracies=measured)


def _last_words(run: Record) -> str:
    """Say why a script ended, by lab.run_script's line, or else whatever came last; not where it is a whole trace."""
    if run.error:
        return run.error
    lines = run.log.strip().splitlines() or [""]
    errors = [line for line in lines if line.startswith("error: ")] or lines
    return errors[-1].removeprefix("error: ").partition(" (all of it: ")[0]
