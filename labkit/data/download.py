"""Downloads: whether a server answers, what it sends, and what to do where it does not."""

import ssl
import threading
import time
from types import ModuleType
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from tqdm import tqdm

from labkit.errors import DataError

TIMEOUT = 10  # seconds that a connection may be silent
CONNECT_TIMEOUT = 5  # seconds per address: a second address of a host gets its turn within TIMEOUT
MAX_DOWNLOAD = 2**28  # bytes, gzipped; MNIST's largest file has 9.9e6, EMNIST's 1.8e8

CERTIFICATE_REMEDY = (
    "Check this machine's clock. Where the network has a certificate of its own, get it from whoever runs the network, "
    "and set the environment variable REQUESTS_CA_BUNDLE to its file (.pem); or put the four files in place by hand."
)
PROXY_REMEDY = (
    "The proxy is set by the environment variable https_proxy, http_proxy or all_proxy, or in the system's settings: "
    "correct it, or unset it where there is none."
)


class MirrorError(DataError):
    """A mirror cannot supply a file; `remedy` is a sentence on what to do, where there is more to say than the text."""

    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(text)
        self.remedy = remedy


class NoAnswerError(MirrorError):
    """A mirror cannot be reached, or fell silent: it is not worth asking for the next file."""


class CertificateError(NoAnswerError):
    """There is a network, but no certificate to trust a mirror by: that is to be mended, not worked around."""


class Mirror:
    """A server to fetch from.

    All are asked at once whether they answer, so that the lack of a network costs TIMEOUT once, not for each.
    """

    def __init__(self, url: str) -> None:
        import requests  # here and below, because it takes longer to import than MNIST to load

        self.url = url
        self.fault: NoAnswerError | None = None
        self._deadline = time.monotonic() + TIMEOUT
        # A thread, because looking up a name may hang for longer than any timeout; a daemon, lest it is
        # waited for at exit.
        self._question = threading.Thread(target=self._ask, args=(requests,), daemon=True)
        self._question.start()

    def _ask(self, requests: ModuleType) -> None:
        try:
            requests.head(self.url, timeout=(CONNECT_TIMEOUT, TIMEOUT))  # any answer will do, a 404 too
        except (OSError, ValueError) as error:
            self.fault = _no_answer(self.url, error)

    def check(self) -> None:
        """Wait for the answer; raise NoAnswerError if none comes in time, or if the mirror has fallen silent since."""
        self._question.join(max(0, self._deadline - time.monotonic()))
        if self._question.is_alive():
            self.fault = NoAnswerError(f"{public_url(self.url)} gave no answer in {TIMEOUT} s")
        if self.fault:
            raise self.fault


def receive(url: str, file: BinaryIO) -> None:
    """Write what is at `url` to `file`, under a progress bar on stderr."""
    import requests
    from pooch import HTTPDownloader

    # pooch sets the total when it knows it; until then it must not be 0, which pooch takes for "no bar".
    with tqdm(total=1, desc=url.rpartition("/")[2], unit="B", unit_scale=True, leave=True) as bar:
        progress: Any = bar  # pooch takes what behaves like a bar, and says that it takes a bool
        download = HTTPDownloader(progressbar=progress, chunk_size=2**16, timeout=(CONNECT_TIMEOUT, TIMEOUT))
        try:
            download(url, _Capped(file, url), None)
        except requests.HTTPError as error:
            response: Any = error.response
            status = f"{response.status_code} {response.reason}"
            raise MirrorError(f"{public_url(url)} cannot be fetched: HTTP status {status}") from error
        except requests.exceptions.ChunkedEncodingError as error:
            raise MirrorError(f"{public_url(url)} broke off after {file.tell():,} bytes") from error
        except requests.RequestException as error:
            raise _no_answer(url, error) from error


class _Capped:
    """Passes on to `file` what is written, up to MAX_DOWNLOAD: a broken server must not fill the disk."""

    def __init__(self, file: BinaryIO, url: str) -> None:
        self._file, self._url, self._left = file, url, MAX_DOWNLOAD
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        self._left -= len(data)
        if self._left < 0:
            raise MirrorError(f"{public_url(self._url)} sends more than {MAX_DOWNLOAD:,} bytes")
        return self._file.write(data)


def public_url(url: str) -> str:
    """Return `url` without user name, password and query: fit for records and messages."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _no_answer(url: str, error: Exception) -> NoAnswerError:
    """Turn an error of requests into one line: its own text consists of nested class names."""
    shown, cause = public_url(url), _innermost(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        text = f"{shown} has a certificate that is not trusted here ({cause.verify_message})"
        return CertificateError(text, CERTIFICATE_REMEDY)
    if "certificate" in str(error).lower():  # REQUESTS_CA_BUNDLE names no file, or one without a certificate in it
        return CertificateError(f"{shown} could not be asked ({cause})", CERTIFICATE_REMEDY)
    proxy = _proxy(url)
    way, remedy = (f" through the proxy {proxy}", PROXY_REMEDY) if proxy else ("", "")
    if "timed out" in str(error):
        return NoAnswerError(f"{shown} gave no answer in {TIMEOUT} s{way}", remedy)
    return NoAnswerError(f"{shown} cannot be reached{way} ({str(cause).rpartition(': ')[2]})", remedy)


def _innermost(error: BaseException) -> BaseException:
    """Return the innermost exception: requests and urllib3 wrap it, as `reason` or among the arguments."""
    for inner in (getattr(error, "reason", None), *error.args):
        if isinstance(inner, BaseException):
            return _innermost(inner)
    return error


def _proxy(url: str) -> str | None:
    """Return the proxy by which requests would ask for `url`, without its password; None if there is none."""
    from requests.utils import get_environ_proxies, prepend_scheme_if_needed, select_proxy

    proxy = select_proxy(url, get_environ_proxies(url))
    return public_url(prepend_scheme_if_needed(proxy, "http")) if proxy else None
