"""Whole classes on many machines, for real: real units, in sandboxes, with the verdicts of a single run."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.grading.slurm import slurm_cluster
from tests.submissions.generate import write_class
from tests.submissions.verdicts import differences
from tests.support.needs import needs
from tests.support.tracing import ROOT

for package in ("distributed", "cryptography", "jinja2", "psutil"):
    needs(package)

from tests.grading.cluster import Cluster, wait_until  # noqa: E402

SBATCH = ROOT / "docs" / "instructor" / "cluster" / "grade.sbatch"
STUDENTS, SEED = 6, 27
PATIENCE = 1800  # seconds: not a figure to reach, but to end a test that hangs
pytestmark = [
    pytest.mark.grading,
    pytest.mark.usefixtures("sandbox"),
    pytest.mark.course,
    pytest.mark.sample(1, of="classes on clusters"),
]


@pytest.fixture
def expected(tmp_path):
    """Make a class in tmp_path/submissions; return the verdicts that it should get."""
    return write_class(tmp_path, STUDENTS, SEED)


def graded(out: Path) -> set[str]:
    """Return the folders of those that are graded: others, whom nobody needs to grade, have a result at once."""
    paths = out.glob("submissions/*/result.json")
    return {path.parent.name for path in paths if json.loads(path.read_bytes())["status"] == "graded"}


def test_a_class_graded_by_a_cluster_has_its_verdicts_though_a_worker_and_the_coordinator_are_killed(
    tmp_path, expected
):
    out = tmp_path / "grades"
    with Cluster(tmp_path) as cluster:
        grading = [sys.executable, "-m", "grading"]
        tls = ["--tls", str(cluster.tls)]
        cluster.start("worker", [*grading, "cluster", "worker", cluster.address, "--slots", "3", *tls])
        command = [*grading, str(tmp_path / "submissions"), "--out", str(out), "--no-train"]
        command += ["--scheduler", cluster.address, *tls]
        cluster.start("coordinator", command)
        wait_until(lambda: graded(out), "the first is graded", PATIENCE)
        cluster.end("coordinator")
        os.kill(_a_process_that_grades(cluster.processes["worker"].pid), signal.SIGKILL)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert differences(expected, out) == []


def _a_process_that_grades(pid: int) -> int:
    """Return the process of one of the slots of a worker, by the process that was started."""
    import psutil

    children = psutil.Process(pid).children(recursive=True)
    return next(child.pid for child in children if "spawn_main" in " ".join(child.cmdline()))


def test_a_slurm_array_of_three_has_the_verdicts_of_a_single_run(tmp_path, expected):
    places = {"KIT": str(ROOT), "SOURCE": str(tmp_path / "submissions"), "OUT": str(tmp_path / "grades")}
    with slurm_cluster(tmp_path / "slurm") as cluster:
        environment = {**places, "PYTHON": sys.executable, "SBATCH_ARRAY_INX": "1-3"}
        job = cluster.submit(SBATCH, "--no-train", cwd=tmp_path, env=environment)
        cluster.wait_for(job, PATIENCE)
    logs = [path.read_text() for path in tmp_path.glob("grading-*.log")]
    assert len(logs) == 3, logs
    assert differences(expected, tmp_path / "grades") == [], logs
