"""The certificate of a cluster: who has its key may take part, and so run anything as the user of each worker.

It is one for all, made by `python -m grading cluster certificate`: coordinator, scheduler and workers show it to each
other, and take nobody who shows another.
"""

import os
import shlex
import ssl
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from grading.options import GradingError

if TYPE_CHECKING:
    from distributed import Security

CERTIFICATE, KEY = "certificate.pem", "key.pem"
FOLDER = Path("cluster-tls")  # where they are looked for
NAME = "grading"
SLACK = timedelta(days=2)  # so long before it was made it is valid: clocks of machines differ
LIFE = timedelta(days=400)  # a course, and its resits


def make_certificate(folder: Path) -> None:
    """Make a certificate, which is signed by itself, and its key; raise GradingError where there is one already."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    for path in (folder / KEY, folder / CERTIFICATE):  # both, before either is written: they belong together
        if path.exists():
            raise _there_already(path)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write_new(folder / KEY, private, 0o600)
    _write_new(folder / CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise _there_already(path) from error
    with open(descriptor, "wb") as file:
        file.write(data)


def _there_already(path: Path) -> GradingError:
    return GradingError(
        f"{path} is there already: to make a new one delete {CERTIFICATE} and {KEY} in that folder, and copy the new "
        "ones to every machine"
    )


def files_in(folder: Path) -> tuple[Path, Path]:
    """Return the absolute paths of the certificate and the key in a folder.

    Raises GradingError where either is missing or damaged, they don't belong together, the certificate has expired, or
    others on the machine may read the key.
    """
    certificate, key = (folder.resolve() / name for name in (CERTIFICATE, KEY))
    missing = [path for path in (certificate, key) if not path.is_file()]
    if missing:
        raise GradingError(
            f"there is no {missing[0]}: {_command(folder)} makes it, once; every machine gets a copy of the folder"
        )
    if key.stat().st_mode & 0o077:
        raise GradingError(f"{key} is open to other users of this machine: chmod 600 {shlex.quote(str(key))}")
    _check_pair(certificate, key)
    return certificate, key


def _command(folder: Path) -> str:
    return f"python -m grading cluster certificate --tls {shlex.quote(str(folder))}"


def _check_pair(certificate: Path, key: Path) -> None:
    from cryptography import x509

    anew = f"delete both, make new ones ({_command(certificate.parent)}), and copy them to every machine"
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key)
        until = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (ssl.SSLError, ValueError) as error:
        raise GradingError(f"{key} is not the key of {certificate}, or one of them is damaged: {anew}") from error
    if until < datetime.now(timezone.utc):
        raise GradingError(f"{certificate} has expired on {until:%Y-%m-%d}: {anew}")


def security(folder: Path) -> "Security":
    """Return what distributed wants of the certificate in a folder; raise GradingError."""
    from distributed import Security

    certificate, key = map(str, files_in(folder))
    roles = ("client", "scheduler", "worker")
    both = {f"tls_{role}_{what}": path for role in roles for what, path in (("cert", certificate), ("key", key))}
    return Security(tls_ca_file=certificate, require_encryption=True, **both)


def flags(folder: Path) -> list[str]:
    """Return the flags by which `dask scheduler` and `dask worker` take the certificate in a folder."""
    certificate, key = map(str, files_in(folder))
    return ["--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key]
