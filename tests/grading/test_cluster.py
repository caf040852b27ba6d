"""A Dask cluster of real processes: what workers, networks, disks and clocks do to it, each unit is graded once."""

import dataclasses
import logging
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, wait
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from tests.support.needs import needs

for package in ("distributed", "cryptography", "jinja2", "psutil"):
    needs(package)

from grading import doctor  # noqa: E402
from grading.cluster import address as addresses  # noqa: E402
from grading.cluster import certificate, command, proof  # noqa: E402
from grading.cluster.engine import dask_workers  # noqa: E402
from grading.cluster.proof import differences, read_proof  # noqa: E402
from grading.command_line import main  # noqa: E402
from grading.options import GradingError  # noqa: E402
from grading.unit import GradedUnit, UnitStatus  # noqa: E402
from grading.workers import WorkersDied  # noqa: E402
from labkit.limits import NoSandbox  # noqa: E402
from tests.grading.cluster import OWN, PATIENCE, Cluster, begun, order, stand_in, wait_until  # noqa: E402

pytestmark = pytest.mark.grading
SLOW = (pytest.mark.course, pytest.mark.sample(2, of="clusters"))  # they start processes


def slow(test):
    for mark in SLOW:
        test = mark(test)
    return test


def graded(future) -> GradedUnit:
    return GradedUnit.decode(future.result(PATIENCE))


def in_turn(workers, orders) -> list[GradedUnit]:
    """Send orders as Batch does, so many at a time as there are workers; return what came of each."""
    futures, waiting = [], list(orders)
    while waiting:
        running = [future for future in futures if not future.done()]
        if len(running) < workers.count():
            futures.append(workers.executor.submit(workers.grade, waiting.pop(0)))
        else:
            assert wait(running, PATIENCE, FIRST_COMPLETED).done
    return [graded(future) for future in futures]


@pytest.fixture
def cluster(tmp_path):
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture
def log(tmp_path):
    return tmp_path / "begun"


@pytest.fixture
def dask_says(caplog):
    """Return a function that lists what Dask has logged in this process; its loggers hand nothing on to the root's."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    for logger in loggers:
        logger.addHandler(caplog.handler)
    yield lambda: [record.getMessage() for record in caplog.records]
    for logger in loggers:
        logger.removeHandler(caplog.handler)


def coordinator(cluster, own=OWN, *, train=False):
    return dask_workers(cluster.address, cluster.tls, own, train=train, grade=stand_in)


def with_workers(workers, count):
    wait_until(lambda: workers.count() == count, f"{count} workers are there")


# ----------------------------------------------------------------------------------------------------------- the proof


def test_a_machine_that_is_the_same_has_no_differences():
    there = dataclasses.replace(OWN, machine="lab1", processor="another processor")
    assert differences(OWN, there, train=True) == []
    assert there.resources().keys() == {OWN.resource(train=True), OWN.resource(train=False)}


@pytest.mark.parametrize(
    ("differs", "reason"),
    [
        ({"kit": "0ther"}, "its kit is another (0ther, here k1t)"),
        ({"kit": "0ther", "packages": {"numpy": "2.0.0"}}, "it has numpy 2.0.0, here it is 2.1.0"),
        ({"kit": "0ther", "packages": {}}, "it has numpy none, here it is 2.1.0"),
        ({"kit": "0ther", "python": "3.12.1"}, "it has Python 3.12.1, here it is 3.11.7"),
        ({"sandbox": "another user"}, "its sandbox is another user, here it is bubblewrap"),
        ({"mnist": False}, "it has not all of MNIST"),
        ({"precision": "bfloat16"}, "it trains in bfloat16, here it is float32"),
        ({"problems": ["can't reach the network: but it can\nmore"]}, "can't reach the network: but it can"),
    ],
)
def test_a_machine_that_differs_is_told_why_and_offers_not_what_units_ask_for(differs, reason):
    there = dataclasses.replace(OWN, **differs)
    (said,) = differences(OWN, there, train=True)
    assert said.startswith(reason)
    assert "\n" not in said
    assert OWN.resource(train=True) not in there.resources()


def test_without_training_neither_precision_nor_mnist_matters():
    there = dataclasses.replace(OWN, precision="bfloat16", mnist=False)
    assert differences(OWN, there, train=False) == []
    assert OWN.resource(train=False) in there.resources()


def test_a_proof_comes_back_as_it_was_sent():
    assert read_proof(OWN.encode()) == OWN


def test_a_machine_without_a_sandbox_proves_that_and_offers_nothing(monkeypatch, tmp_path):
    def none(unsafe):
        raise NoSandbox("no sandbox works here")

    monkeypatch.setattr(proof, "find_sandbox", none)
    there = proof.prove(tmp_path, "float32", {})
    assert there.problems == ["no sandbox works here"]
    assert there.resources() == {}


def test_a_machine_whose_sandbox_lets_something_out_or_shows_the_key_offers_nothing(monkeypatch, tmp_path):
    found = [
        doctor.Finding(doctor.GOOD, "can't run for ever", ""),
        doctor.Finding(doctor.BAD, "can't fly", "but it can"),
    ]
    sandbox = SimpleNamespace(name="leaky", secrets={}, exposure=lambda folder: None)
    monkeypatch.setattr(proof, "find_sandbox", lambda unsafe: sandbox)
    monkeypatch.setattr(doctor, "trials_of", lambda sandbox: iter(found))
    assert proof.prove(tmp_path, "float32", {}).problems == ["can't fly: but it can"]
    sandbox.exposure = lambda folder: "is open to all"
    leaky = proof.prove(tmp_path, "float32", {"the key": tmp_path})
    assert leaky.problems == [f"the key ({tmp_path}) is open to all"]
    assert leaky.resources() == {}


# ------------------------------------------------------------------------------------------------------ the certificate


def test_the_key_is_for_its_owner_only_and_is_never_written_over(tmp_path):
    certificate.make_certificate(tmp_path / "tls")
    _, key = certificate.files_in(tmp_path / "tls")
    before = key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    for missing in ("none", certificate.CERTIFICATE, certificate.KEY):
        shutil.copytree(tmp_path / "tls", tmp_path / missing)
        (tmp_path / missing / missing).unlink(missing_ok=True)
        left = sorted(path.name for path in (tmp_path / missing).iterdir())
        with pytest.raises(GradingError, match="is there already"):
            certificate.make_certificate(tmp_path / missing)
        assert sorted(path.name for path in (tmp_path / missing).iterdir()) == left, "a key without its certificate"
    assert key.read_bytes() == before
    key.chmod(0o644)
    with pytest.raises(GradingError, match=r"chmod 600"):
        certificate.files_in(tmp_path / "tls")


@pytest.mark.parametrize("damage", ["another's key", "cut off", "empty", "expired"])
def test_a_certificate_that_can_not_do_is_refused_before_anybody_is_asked(tmp_path, monkeypatch, damage):
    folder, pem = tmp_path / "tls", tmp_path / "tls" / certificate.CERTIFICATE
    if damage == "expired":
        monkeypatch.setattr(certificate, "LIFE", timedelta(seconds=-1))
    certificate.make_certificate(folder)
    if damage == "another's key":
        certificate.make_certificate(tmp_path / "others")
        shutil.copy(tmp_path / "others" / certificate.KEY, folder / certificate.KEY)
    elif damage in ("cut off", "empty"):
        pem.write_bytes(pem.read_bytes()[: 100 if damage == "cut off" else 0])
    what = "has expired on" if damage == "expired" else "is not the key of"
    with pytest.raises(GradingError, match=f"{what}.*make new ones"):
        certificate.files_in(folder)


def test_a_clock_that_is_a_day_late_or_early_takes_the_certificate(tmp_path):
    from cryptography import x509

    certificate.make_certificate(tmp_path / "tls")
    path, _ = certificate.files_in(tmp_path / "tls")
    made, day = x509.load_pem_x509_certificate(path.read_bytes()), timedelta(days=1)
    now = datetime.now(timezone.utc)
    assert made.not_valid_before_utc < now - day
    assert made.not_valid_after_utc > now + 200 * day


def test_the_programs_of_dask_get_the_certificate_and_show_their_pages_to_this_machine_only(tmp_path):
    certificate.make_certificate(tmp_path / "tls")
    parser = command_parser()
    scheduler = command.scheduler_flags(parser.parse_args(["scheduler", "--tls", str(tmp_path / "tls")]))
    worker = command.worker_flags("lab1", 2, OWN, tmp_path / "tls")
    for flags in (scheduler, worker):
        assert any(flag.startswith("--dashboard-address=127.0.0.1:") for flag in flags)
        assert flags[-6::2] == ["--tls-ca-file", "--tls-cert", "--tls-key"]
    assert {"--nthreads=1", "--nworkers=2", "--memory-limit=0", "--name=lab1"} <= set(worker)


def command_parser():
    import argparse

    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser


def test_a_command_without_certificate_says_how_to_get_one(tmp_path, capsys):
    folder = tmp_path / "a folder"
    assert main(["cluster", "worker", "tls://127.0.0.1:9", "--tls", str(folder)]) == 1
    advice = re.search(r"python -m grading (cluster certificate .*) makes it", capsys.readouterr().err)
    assert main(shlex.split(advice[1])) == 0
    certificate.files_in(folder)


# --------------------------------------------------------------------------------------------------------- the address


@pytest.mark.parametrize(
    "address",
    [
        "tcp://h:8786",
        "127.0.0.1:8786",
        "tls://127.0.0.1",
        "tls://:8786",
        "tls://h:0",
        "tls://h:99999",
        "tls://h:x",
        "tls://",
    ],
)
@pytest.mark.parametrize("command", [["cluster", "worker"], [".", "--scheduler"]])
def test_what_is_no_address_of_a_scheduler_is_a_bad_flag(command, address, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, address])
    assert ended.value.code == 2
    assert re.search("looks like tls://HOST:8786|is no port", capsys.readouterr().err)


@pytest.mark.parametrize("port", ["0", "-1", "99999", "http"])
def test_what_is_no_port_is_a_bad_flag(port, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["cluster", "scheduler", f"--port={port}"])
    assert ended.value.code == 2
    assert "is no port" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["tls://lab-3.example.org:8786", "tls://127.0.0.1:1", "tls://[::1]:65535"])
def test_names_and_numbers_are_addresses(address):
    assert addresses.address(address) == address


def test_a_scheduler_whose_port_is_taken_says_so_in_a_line(tmp_path, capsys):
    certificate.make_certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["cluster", "scheduler", "--host=127.0.0.1", f"--port={port}", "--tls", str(tmp_path)]) == 1
    assert "can't listen at 127.0.0.1" in capsys.readouterr().err


def test_where_nobody_listens_or_somebody_else_that_is_told_in_a_line(tmp_path):
    certificate.make_certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"tls://127.0.0.1:{other.getsockname()[1]}"
        hangs_up = threading.Thread(target=lambda: other.accept()[0].close())
        hangs_up.start()
        with pytest.raises(GradingError, match="is no scheduler with the certificate in"):
            addresses.reach(address, tmp_path)
        hangs_up.join()
    with (
        pytest.raises(GradingError, match="cluster scheduler, on that machine, starts one"),
        dask_workers(address, tmp_path, OWN, train=False),
    ):
        pass
    with pytest.raises(addresses.NobodyThere, match=r"no machine is known as nowhere\.invalid"):
        addresses.reach("tls://nowhere.invalid:8786", tmp_path)


# -------------------------------------------------------------------------------------------------------- what happens


@slow
def test_each_unit_is_graded_once_and_by_those_only_who_proved_the_same(cluster, log, capsys):
    cluster.start_worker("lab1")
    cluster.start_worker("lab2")
    cluster.start_worker("lab3", dataclasses.replace(OWN, kit="0ther"))
    with coordinator(cluster) as workers:
        with_workers(workers, 2)
        wait_until(lambda: "lab3" in cluster.log("lab3"), "the third is there")
        answers = in_turn(workers, [order(f"u{n}", log, seconds=0.3) for n in range(12)])
        wait_until(lambda: "lab3" in capsys.readouterr().err, "the third is refused by name")
    assert [answer.problem for answer in answers] == [f"u{n} was here" for n in range(12)]
    assert sorted(name for name, _ in begun(log)) == sorted(f"u{n}" for n in range(12))
    assert {worker for _, worker in begun(log)} == {"lab1", "lab2"}


@slow
def test_a_unit_whose_worker_is_killed_is_graded_by_another(cluster, log):
    cluster.start_worker("lab1")
    cluster.start_worker("lab2")
    with coordinator(cluster) as workers:
        with_workers(workers, 2)
        orders = [order(f"u{n}", log, seconds=0.5, kills="lab1") for n in range(4)]
        answers = in_turn(workers, orders)
    assert {answer.machine for answer in answers} == {"lab2"}
    assert [answer.outcome for answer in answers] == [UnitStatus.REFUSED] * 4, "none is charged with it"


@slow
def test_a_unit_that_kills_three_workers_is_the_graders_failure_and_the_workers_come_back(cluster, log):
    for name in ("lab1", "lab2", "lab3"):
        cluster.start_worker(name)
    with coordinator(cluster) as workers:
        with_workers(workers, 3)
        error = workers.executor.submit(workers.grade, order("killer", log, kills="all")).exception(PATIENCE)
        assert isinstance(error, WorkersDied)
        assert "3 workers died" in str(error)
        assert len(begun(log)) == 3
        assert graded(workers.executor.submit(workers.grade, order("next", log))).problem == "next was here"


@slow
def test_a_unit_on_which_one_machine_fails_is_graded_by_another_and_that_one_rests(cluster, log, capsys):
    cluster.start_worker("lab1")
    cluster.start_worker("lab2")
    with coordinator(cluster) as workers:
        with_workers(workers, 2)
        orders = [order(f"u{n}", log, seconds=0.2, fails="lab1") for n in range(8)]
        answers = in_turn(workers, orders)
        assert {answer.machine for answer in answers} == {"lab2"}
        assert len([worker for _, worker in begun(log) if worker == "lab1"]) <= 1, "the class is not lost there"
        wait_until(lambda: "lab1: OSError: No space left" in capsys.readouterr().err, "it is told")


@slow
def test_a_unit_on_which_every_machine_fails_is_the_graders_failure(cluster, log):
    for name in ("lab1", "lab2", "lab3"):
        cluster.start_worker(name)
    with coordinator(cluster) as workers:
        with_workers(workers, 3)
        answer = graded(workers.executor.submit(workers.grade, order("bad", log, fails="all")))
    assert answer.outcome == UnitStatus.FAILED
    assert "No space left" in answer.problem
    assert len({worker for _, worker in begun(log)}) == 3


@slow
def test_the_run_ends_in_a_line_when_the_scheduler_is_lost_and_another_run_goes_on(cluster, log, dask_says):
    cluster.start_worker("lab1")
    with coordinator(cluster) as workers:
        with_workers(workers, 1)
        future = workers.executor.submit(workers.grade, order("u", log, seconds=PATIENCE))
        wait_until(lambda: begun(log), "it has begun")
        cluster.end("scheduler")
        assert isinstance(future.exception(PATIENCE), GradingError)
        with pytest.raises(GradingError, match="the same command continues"):
            workers.executor.submit(workers.grade, order("v", log))
    assert dask_says() == [], "the line is enough"
    wait_until(lambda: "no scheduler answers at" in cluster.log("lab1"), "the worker waits for it")
    assert cluster.log("lab1").count("no scheduler answers at") == 1
    cluster.start_scheduler()
    with coordinator(cluster) as workers:
        assert graded(workers.executor.submit(workers.grade, order("v", log))).problem == "v was here"


@slow
def test_what_a_killed_coordinator_had_sent_blocks_nobody(cluster, log):
    cluster.start_worker("lab1")
    code = f"""if True:
        from pathlib import Path
        from tests.grading.cluster import OWN, PATIENCE, order, stand_in
        from grading.cluster.engine import dask_workers
        with dask_workers({cluster.address!r}, Path({str(cluster.tls)!r}), OWN, train=False, grade=stand_in) as workers:
            tasks = [order(name, Path({str(log)!r}), seconds=2) for name in "abc"]
            [future.result() for future in [workers.executor.submit(workers.grade, task) for task in tasks]]
    """
    cluster.start("coordinator", [sys.executable, "-c", code])
    wait_until(lambda: begun(log), "the first is being graded")
    cluster.end("coordinator")
    with coordinator(cluster) as workers:
        with_workers(workers, 1)
        assert graded(workers.executor.submit(workers.grade, order("d", log))).problem == "d was here"
    assert [name for name, _ in begun(log)] == ["a", "d"], "b and c were nobody's any more"


@slow
def test_whoever_has_another_certificate_is_let_in_nowhere(cluster, tmp_path):
    certificate.make_certificate(tmp_path / "others")
    others, own = tmp_path / "others", cluster.tls
    assert answers(cluster, own, own), "this test knows who is let in"
    assert not answers(cluster, own, others)
    assert not answers(cluster, own, None)
    with pytest.raises(GradingError, match="copy the folder of the scheduler's machine here"):
        command.keep_working(cluster.address, others, [], {})


def answers(cluster, authority, shown):
    """Tell whether the scheduler says anything to who shows the certificate in a folder, or none."""
    context = ssl.create_default_context(cafile=str(authority / certificate.CERTIFICATE))
    context.check_hostname = False
    if shown:
        context.load_cert_chain(*certificate.files_in(shown))
    try:
        plain = socket.create_connection((cluster.host, cluster.port), timeout=30)
        with context.wrap_socket(plain) as connection:
            return bool(connection.recv(1))
    except (ssl.SSLError, ConnectionError):
        return False


# ------------------------------------------------------------------------------------------------- networks and clocks


@pytest.fixture
def network():
    """Make a network namespace, joined to this one; yield the address here, what runs a command there, and a cut."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("only root makes network namespaces, by ip: apt-get install iproute2")
    if "198.18." in subprocess.run(["ip", "route"], capture_output=True, text=True).stdout:
        pytest.skip("198.18.0.0/15, which is for tests, is used by this machine's own network")
    name = f"grading{os.getpid()}"
    here, there = f"g{os.getpid()}h", f"g{os.getpid()}t"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode:
        pytest.skip("no network namespace can be made here")

    def ip(*words):
        subprocess.run(["ip", *words], check=True)

    try:
        ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        ip("address", "add", "198.18.77.1/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", name, "address", "add", "198.18.77.2/30", "dev", there)
        ip("-n", name, "link", "set", there, "up")
        ip("-n", name, "link", "set", "lo", "up")
        yield "198.18.77.1", ("ip", "netns", "exec", name), lambda state: ip("link", "set", here, state)
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


@slow
def test_a_unit_whose_worker_is_cut_off_is_graded_by_another_and_that_one_comes_back(tmp_path, log, network):
    address, inside, cut = network
    hasty = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s"}  # 30 s else
    with Cluster(tmp_path, address, environment=hasty) as cluster:
        cluster.start_worker("far", inside=inside, environment=hasty)
        with coordinator(cluster) as workers:
            with_workers(workers, 1)
            future = workers.executor.submit(workers.grade, order("u", log, seconds=3))
            wait_until(lambda: begun(log), "it has begun")
            cut("down")
            cluster.start_worker("near", environment=hasty)
            assert graded(future).machine == "near"
            cut("up")
            wait_until(lambda: workers.count() == 2, "the one that was cut off is back")
    assert [worker for _, worker in begun(log)] == ["far", "near"]


@slow
@pytest.mark.parametrize("days", ["-1d", "+1d"])
def test_a_worker_whose_clock_is_a_day_off_grades_like_any_other(cluster, log, days):
    if shutil.which("faketime") is None:
        pytest.skip("no clock can be set wrong here: apt-get install faketime")
    cluster.start_worker("lab1", inside=("faketime", "-f", days))
    with coordinator(cluster) as workers:
        with_workers(workers, 1)
        futures = [workers.executor.submit(workers.grade, order(f"u{n}", log, seconds=0.2)) for n in range(3)]
        assert not wait(futures, PATIENCE).not_done
        time.sleep(3)  # some heartbeats: it must not be taken for dead
        assert workers.count() == 1
        assert graded(workers.executor.submit(workers.grade, order("u3", log))).machine == "lab1"
    assert len(begun(log)) == 4
