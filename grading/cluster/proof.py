"""What a machine proves of itself before it gets work: that its sandbox holds, and what a verdict there would rest on.

    own = prove(options...)
    differences(own, read_proof(theirs), train=True)      # each a reason why that machine gets no work

A machine with the key of the cluster can say what it likes, and do worse (see certificate.py). A proof is against
mistakes: another version, a sandbox that doesn't hold, a folder that is open to students' code.
"""

import dataclasses
import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from grading import doctor
from grading.assessment import PACKAGES, grader_version
from grading.sandbox.choice import check_hidden, find_sandbox
from grading.sandbox.runner import Sandbox
from labkit.formats import FORMAT, read_record
from labkit.limits import SandboxError
from labkit.text import printable

LONGEST = 300  # characters of a text of another machine that is shown


@dataclass(frozen=True)
class Proof:
    """What is so on a machine; `problems` are what its sandbox does not hold, and must be none.

    `mnist` is whether its four files are there, by their SHA-256; `precision` is what it would train in.
    """

    machine: str
    kit: str  # see assessment.grader_version: code, Python, packages
    python: str
    packages: Mapping[str, str]
    sandbox: str
    mnist: bool
    precision: str
    processor: str
    problems: list[str] = field(default_factory=list)

    def resources(self) -> dict[str, int]:
        """Return what a worker there may offer: one for units without training, one for those with it, or neither.

        Machines that offer the same give the same verdicts. Dask gives a unit only to who offers what it asks for.
        """
        if self.problems:
            return {}
        names = [self.resource(train=False), *([self.resource(train=True)] if self.mnist else [])]
        return dict.fromkeys(names, 1)

    def resource(self, *, train: bool) -> str:
        """Return the name of what a unit of this kind needs."""
        parts = [self.kit, self.sandbox, *([self.precision] if train else [])]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        return f"{'training' if train else 'grading'}-{digest}"

    def encode(self) -> str:
        """Return it as JSON."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)})


def read_proof(record: str | bytes) -> Proof:
    """Read a proof; raise RecordError for what is none."""
    return read_record(record, Proof)


def describe(sandbox: str, data: Path, precision: str) -> Proof:
    """Return what is so on this machine; `sandbox` is the name of its own, `data` where MNIST should be."""
    return Proof(
        machine=platform.node(),
        kit=grader_version(),
        python=platform.python_version(),
        packages=_versions(),
        sandbox=sandbox,
        mnist=not doctor.missing_of_mnist(data),
        precision=precision,
        processor=_processor(),
    )


def prove(data: Path, precision: str, private: Mapping[str, Path], *, unsafe: bool = False) -> Proof:
    """Try this machine's sandbox, as the doctor does; return what is so here, with what is wrong.

    `private` is what student code may not read here, by what it is.
    """
    try:
        sandbox = find_sandbox(unsafe)
        problems = [f"{one.what}: {one.details}" for one in _trials(sandbox) if one.mark == doctor.BAD]
        check_hidden(sandbox, private)
    except SandboxError as error:
        return dataclasses.replace(describe("none", data, precision), problems=[str(error)])
    return dataclasses.replace(describe(sandbox.name, data, precision), problems=problems)


def _trials(sandbox: Sandbox) -> Iterator[doctor.Finding]:
    """Try it, unless somebody has said that student code may run without one."""
    return iter(()) if sandbox.name == "none" else doctor.trials_of(sandbox)


def differences(own: Proof, worker: Proof, *, train: bool) -> list[str]:
    """Say in what a machine differs from this one, so that its verdicts could be others; nothing where they can't."""
    reasons = list(worker.problems)
    if worker.sandbox != own.sandbox:
        reasons.append(f"its sandbox is {worker.sandbox}, here it is {own.sandbox}")
    if worker.kit != own.kit:
        reasons.append(_of_version(own, worker))
    if train and not worker.mnist:
        reasons.append("it has not all of MNIST: give it --data-dir")
    if train and worker.precision != own.precision:
        reasons.append(f"it trains in {worker.precision}, here it is {own.precision}: see --precision")
    return [printable(reason.splitlines()[0])[:LONGEST] for reason in reasons]


def _of_version(own: Proof, worker: Proof) -> str:
    """Say in which version a machine differs: of Python, of a package, or else of the kit."""
    if worker.python != own.python:
        return f"it has Python {worker.python}, here it is {own.python}"
    for package in PACKAGES:
        worker_version, own_version = (proof.packages.get(package, "none") for proof in (worker, own))
        if worker_version != own_version:
            return f"it has {package} {worker_version}, here it is {own_version}"
    return f"its kit is another ({worker.kit}, here {own.kit}): copy this one there, and start the worker again"


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
