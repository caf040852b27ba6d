"""Starts lab scripts: forked from one process that has imported TensorFlow, or each in a Python of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, Protocol

from labkit.study import fork_server

# Elsewhere there is no fork, or system libraries that don't survive one (macOS).
FORKS = sys.platform == "linux"
PATIENCE = 10  # seconds for a stopped script to end by itself


class ScriptProcess(Protocol):
    """A script at work; of subprocess.Popen, what is used of it here."""

    returncode: int | None

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...


class Starter:
    """Starts scripts, and ends all of them when it is closed.

    Where the fork server ends, whatever the reason, scripts are started without it from then on.
    """

    def __init__(self, environment: Mapping[str, str], data: tuple[str, str]) -> None:
        """Start nothing yet.

        `environment` is that of the scripts, as far as it differs from this process's own; `data` is what they will
        load, by the values of their flags --data-dir and --dataset.
        """
        self._environment, self._data = environment, data
        self._processes: list[subprocess.Popen[bytes]] = []
        self._server: ForkServer | None = None

    def open(self) -> None:
        """Start the fork server, where there can be one."""
        self._server = ForkServer(self._environment, self._data) if FORKS else None

    def wait_until_ready(self) -> None:
        """Wait for the fork server's import of TensorFlow."""
        if self._server and not self._server.becomes_ready():
            self._do_without_server()

    def start(self, command: Sequence[str], output: IO[bytes], messages: IO[bytes]) -> ScriptProcess:
        """Start a script, `command` being its path and its arguments, with its stdout and stderr to these files."""
        if self._server:
            with contextlib.suppress(ServerGoneError):
                return self._server.start(command, output, messages)
            self._do_without_server()
        process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=messages,
            env=os.environ | self._environment,
        )
        self._processes.append(process)
        return process

    def _do_without_server(self) -> None:
        if self._server:
            self._server.close()
            self._server = None

    def close(self) -> None:
        """End the scripts. What they have saved stays good: they write each file whole or not at all."""
        self._do_without_server()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class ServerGoneError(Exception):
    """The fork server has ended: it was killed, or could not import what scripts do, which a script will tell."""


class Forked:
    """A script in a child of the fork server."""

    def __init__(self, server: "ForkServer", pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """Return the exit status, None while the script is at work; a signal's number is negative."""
        if self.returncode is None:
            self._server.listen()
        return self.returncode


class ForkServer:
    """This side of labkit/study/fork_server.py."""

    def __init__(self, environment: Mapping[str, str], data: tuple[str, str]) -> None:
        self._channel, other_side = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other_side:
            self._process = subprocess.Popen(
                [sys.executable, fork_server.__file__, str(other_side.fileno()), *data],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | environment,
                pass_fds=[other_side.fileno()],
            )
        self._requests = 0
        self._at_work: dict[int, Forked] = {}

    def becomes_ready(self) -> bool:
        """Wait until the server takes requests; return False where it has ended instead."""
        try:
            return self._receive() == fork_server.READY
        except ServerGoneError:
            return False

    def start(self, command: Sequence[str], output: IO[bytes], messages: IO[bytes]) -> Forked:
        """Start a script, as Starter.start does; raise ServerGoneError where that can't be."""
        self._requests += 1
        request = json.dumps([self._requests, [str(part) for part in command]]).encode()
        try:
            socket.send_fds(self._channel, [request], [output.fileno(), messages.fileno()])
        except OSError as error:
            raise ServerGoneError from error
        while self._requests not in self._at_work:
            self._receive()
        return self._at_work[self._requests]

    def listen(self) -> None:
        """Take in what the server has said meanwhile."""
        self._channel.setblocking(False)
        try:
            while self._at_work:
                self._receive()
        except BlockingIOError:
            pass
        except ServerGoneError:
            self._kill_orphans()
        finally:
            self._channel.setblocking(True)

    def close(self) -> None:
        """End the server, which ends its children."""
        self._process.terminate()
        try:
            self._process.wait(fork_server.PATIENCE + PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.listen()
        self._kill_orphans()
        self._channel.close()

    def _receive(self) -> str:
        """Wait for one message, take it in, and return its kind; raise ServerGoneError where none can come."""
        try:
            data = self._channel.recv(fork_server.MAX_MESSAGE)
        except ConnectionError:
            data = b""
        if not data:
            raise ServerGoneError
        kind, *numbers = json.loads(data)
        if kind == fork_server.STARTED:
            number, pid = numbers
            self._at_work[number] = Forked(self, pid)
        elif kind == fork_server.ENDED:
            number, status = numbers
            self._at_work.pop(number).returncode = status
        return kind

    def _kill_orphans(self) -> None:
        """End what a server that was killed has left at work."""
        while self._at_work:
            _, forked = self._at_work.popitem()
            with contextlib.suppress(ProcessLookupError):
                os.kill(forked.pid, signal.SIGKILL)
            forked.returncode = -signal.SIGKILL
