"""The files that instructors copy to a cluster: Slurm and Kubernetes read them, and they call the grader as it is."""

import argparse
import re
import shlex
from typing import Any

import msgspec
import pytest

from grading import command_line
from tests.support.needs import needs
from tests.support.tracing import ROOT

CLUSTER = ROOT / "docs" / "instructor" / "cluster"
SBATCH = (CLUSTER / "grade.sbatch").read_text(encoding="utf-8")
# Of sbatch's options those that such a file may need, by the manual of Slurm 22.05; test_slurm.py has it run.
OPTIONS = {"array", "cpus-per-task", "mem", "time", "job-name", "output", "open-mode", "requeue", "signal", "partition"}
GIB = 2**30
pytestmark = pytest.mark.grading


def parsed(arguments, monkeypatch) -> argparse.Namespace:
    """Let the grader's own command line read the arguments; return what it makes of them."""
    taken = []
    monkeypatch.setattr(command_line, "_grade", lambda flags, umask: taken.append(flags) or 0)
    if "--claim" not in command_line._parser().format_help():
        pytest.skip("the grader has no --claim yet")
    assert command_line.main(arguments) == 0
    return taken[0]


# ------------------------------------------------------------------------------------------------------------- Slurm


def directives():
    return dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", SBATCH, re.MULTILINE))


def test_each_directive_is_one_of_sbatch_and_stands_before_the_first_command():
    lines = SBATCH.splitlines()
    assert lines[0] == "#!/bin/bash"
    assert set(directives()) <= OPTIONS
    first = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    assert not [line for line in lines[first:] if line.startswith("#SBATCH")], "sbatch does not read these"


def test_a_job_of_the_array_has_two_gigabytes_for_each_submission():
    memory = int(re.fullmatch(r"(\d+)G", directives()["mem"])[1]) * GIB
    assert memory == int(directives()["cpus-per-task"]) * command_line.MEMORY_OF_A_JOB


def test_the_command_of_the_array_is_one_of_the_grader(monkeypatch):
    words = shlex.split(SBATCH.splitlines()[-1])
    assert words[0] == "exec"
    variables = {"$SOURCE": "in put", "$OUT": "out", "$SLURM_CPUS_PER_TASK": directives()["cpus-per-task"]}
    flags = parsed([variables.get(word, word) for word in words[4:-1]] + ["--no-train"], monkeypatch)
    assert words[2:4] == ["-m", "grading"]
    assert (str(flags.submissions), str(flags.out), flags.claim, flags.jobs) == ("in put", "out", True, 2)
    assert flags.no_train, "what is given to sbatch after the file is the grader's"


# -------------------------------------------------------------------------------------------------------- Kubernetes
# Of the types batch/v1.Job consists of those fields that such a file may need; any other is refused, as by the API.


class Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    pass


class Metadata(Strict):
    name: str
    namespace: str | None = None


class Capabilities(Strict):
    add: list[str] = []
    drop: list[str] = []


class SeccompProfile(Strict):
    type: str


class SecurityContext(Strict):
    run_as_user: int
    privileged: bool
    allow_privilege_escalation: bool
    capabilities: Capabilities
    seccomp_profile: SeccompProfile


class Resources(Strict):
    requests: dict[str, str]
    limits: dict[str, str]


class Variable(Strict):
    name: str
    value: str


class Mount(Strict):
    name: str
    mount_path: str


class Container(Strict):
    name: str
    image: str
    command: list[str]
    args: list[str]
    env: list[Variable]
    resources: Resources
    security_context: SecurityContext
    volume_mounts: list[Mount]
    working_dir: str


class Claim(Strict):
    claim_name: str


class Volume(Strict):
    name: str
    persistent_volume_claim: Claim


class PodSpec(Strict):
    containers: list[Container]
    restart_policy: str
    volumes: list[Volume]
    automount_service_account_token: bool
    enable_service_links: bool


class PodTemplate(Strict):
    spec: PodSpec
    metadata: dict[str, Any] = {}


class JobSpec(Strict):
    template: PodTemplate
    completion_mode: str
    completions: int
    parallelism: int
    backoff_limit: int


class Job(Strict):
    api_version: str
    kind: str
    metadata: Metadata
    spec: JobSpec


@pytest.fixture(scope="module")
def job() -> Job:
    needs("yaml")
    return msgspec.yaml.decode((CLUSTER / "job.yaml").read_bytes(), type=Job)


@pytest.fixture(scope="module")
def container(job) -> Container:
    (container,) = job.spec.template.spec.containers
    return container


def test_the_job_is_an_indexed_one_that_starts_all_its_pods(job):
    assert (job.api_version, job.kind, job.spec.completion_mode) == ("batch/v1", "Job", "Indexed")
    assert job.spec.completions == job.spec.parallelism
    assert job.spec.template.spec.restart_policy in ("OnFailure", "Never"), "a Job takes no other"


def test_the_command_of_a_pod_is_one_of_the_grader(container, monkeypatch):
    assert container.command[1:] == ["-m", "grading"]
    flags = parsed(container.args, monkeypatch)
    shared = {mount.mount_path for mount in container.volume_mounts}
    assert flags.claim
    assert {f"/{path.parts[1]}" for path in (flags.submissions, flags.out)} <= shared
    cores, memory = container.resources.limits["cpu"], container.resources.limits["memory"]
    assert int(cores) == flags.jobs
    assert int(memory.removesuffix("Gi")) * GIB >= (flags.jobs + 1) * command_line.MEMORY_OF_A_JOB, (
        "and the grader's own"
    )
    assert container.resources.requests == container.resources.limits, (
        "a pod with less than its limit is the first to go"
    )


def test_a_pod_may_do_what_another_user_needs_and_no_more(job, container):
    context = container.security_context
    assert context.run_as_user == 0
    assert not context.privileged
    assert not context.allow_privilege_escalation
    assert context.capabilities.drop == ["ALL"]
    assert not {"SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "NET_RAW"} & set(context.capabilities.add)
    assert context.seccomp_profile.type == "RuntimeDefault"
    assert not job.spec.template.spec.automount_service_account_token, "every user in the pod could read it"


def test_what_a_pod_mounts_is_a_volume_of_it(job, container):
    names = {volume.name for volume in job.spec.template.spec.volumes}
    assert {mount.name for mount in container.volume_mounts} == names
