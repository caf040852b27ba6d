"""A Slurm array, on a real cluster of one node: the file of the documents, submitted as they say."""

import pytest

from tests.grading.slurm import slurm_cluster
from tests.support.tracing import ROOT

SBATCH = ROOT / "docs" / "instructor" / "cluster" / "grade.sbatch"
JOBS = 3
pytestmark = [pytest.mark.grading]

# Stands in for python: says what it was called with, as which of the array.
STAND_IN = """#!/bin/bash
echo "$SLURM_ARRAY_TASK_ID $SLURM_CPUS_PER_TASK $PWD: $*"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with slurm_cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.mark.course
@pytest.mark.sample(1, of="courses")
def test_slurm_runs_the_grader_once_for_each_job_of_the_array(cluster, tmp_path):
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    places = {"KIT": str(ROOT), "SOURCE": "/class/in put", "OUT": "/class/out", "PYTHON": str(python)}
    job = cluster.submit(SBATCH, "--no-train", cwd=tmp_path, env=places)
    cluster.wait_for(job, 60)
    said = sorted(path.read_text() for path in tmp_path.glob("grading-*.log"))
    line = "-m grading /class/in put --out /class/out --claim --jobs 2 --no-train"
    assert said == [f"{number} 2 {ROOT}: {line}\n" for number in range(1, 9)]
