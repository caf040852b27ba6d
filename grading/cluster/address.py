"""Where a scheduler is, tls://HOST:PORT, and whether one answers there that has the same certificate."""

import argparse
import re
import socket
import ssl
from pathlib import Path

from grading.cluster import certificate
from grading.options import GradingError

EXAMPLE = "tls://HOST:8786"
CONNECT = 10  # seconds in which a machine has to answer
_ADDRESS = re.compile(r"tls://(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):([0-9]+)")


class NobodyThere(GradingError):
    """No scheduler answers at an address, which time may mend."""


def port(text: str) -> int:
    """Return the port that a flag gives, for argparse."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535, such as 8786")
    return int(text)


def address(text: str) -> str:
    """Return the scheduler's address that a flag gives, for argparse."""
    match = _ADDRESS.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no address of a scheduler: it looks like {EXAMPLE}")
    port(match[2])
    return text


def reach(scheduler: str, tls: Path) -> None:
    """Connect to a scheduler as Dask will, and hang up.

    Raises NobodyThere, and GradingError where something else answers, or a scheduler with another certificate.
    """
    match = _ADDRESS.fullmatch(scheduler)
    assert match is not None, scheduler
    own, key = certificate.files_in(tls)
    context = ssl.create_default_context(cafile=str(own))
    context.check_hostname = False  # machines are known by the certificate alone, which is the same for all
    context.load_cert_chain(own, key)
    try:
        with socket.create_connection((match[1].strip("[]"), int(match[2])), CONNECT) as plain:
            answers = _answers(plain, context)
    except socket.gaierror as error:
        raise NobodyThere(f"no machine is known as {match[1]} ({error.strerror})") from error
    except OSError as error:
        reason = error.strerror or f"no answer in {CONNECT} s"
        raise NobodyThere(f"no scheduler answers at {scheduler} ({reason})") from error
    if not answers:
        raise GradingError(
            f"what answers at {scheduler} is no scheduler with the certificate in {tls}: copy the folder of the "
            "scheduler's machine here, or start the scheduler with this one"
        )


def _answers(plain: socket.socket, context: ssl.SSLContext) -> bool:
    """Tell whether the other side takes the certificate, and shows the same; a scheduler speaks first then."""
    try:
        with context.wrap_socket(plain) as secured:
            return bool(secured.recv(1))
    except TimeoutError:  # it is busy, and has taken the certificate
        return True
    except (ssl.SSLError, ConnectionError):
        return False
