"""The addresses of the page's views: on the server, or as files in one folder."""

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlencode

PANES = ("report", "checks", "networks", "code", "accuracies", "log", "feedback")
WITHOUT_FRAME = ("report", "feedback")  # are documents of their own


class Addresses(Protocol):
    """Where a view is, for a link in another."""

    live: bool  # whether there is a server behind it, that takes forms and answers questions

    def of_class(self, **query: object) -> str:
        """Return the address of the class view; `query` is what it shows of the class, and in which order."""
        ...

    def student(self, number: int, **query: object) -> str:
        """Return the address of a student's view; `query` has the pane, the item and the check to decide."""
        ...

    def report(self, number: int) -> str:
        """Return the address of a student's report."""
        ...

    def feedback(self, number: int) -> str:
        """Return the address of a student's feedback."""
        ...

    def similarity(self) -> str:
        """Return the address of the view of similar pairs."""
        ...

    def asset(self, name: str) -> str:
        """Return the address of the style sheet, or of the script."""
        ...


class ServerAddresses:
    """Addresses on the server, all below `root`; `report` returns that of a report, which is on another one."""

    live = True

    def __init__(self, root: str, report: Callable[[int], str]) -> None:
        self.root, self._report = root, report

    def report(self, number: int) -> str:
        return self._report(number)

    def of_class(self, **query: object) -> str:
        return f"{self.root}/{_query(query)}"

    def student(self, number: int, **query: object) -> str:
        return f"{self.root}/students/{number}{_query(query)}"

    def feedback(self, number: int) -> str:
        return f"{self.root}/students/{number}/feedback"

    def similarity(self) -> str:
        return f"{self.root}/similarity"

    def form(self, name: str) -> str:
        """Return where a form is sent that is no view's."""
        return f"{self.root}/{name}"

    def asset(self, name: str) -> str:
        return f"{self.root}/assets/{name}"


class FileAddresses:
    """Addresses of files beside each other. What a class view can be asked for is left out: there is one."""

    live = False

    def of_class(self, **query: object) -> str:
        return "index.html"

    def student(self, number: int, **query: object) -> str:
        return f"student-{number}-{query.get('pane') or PANES[0]}.html"

    def report(self, number: int) -> str:
        return f"student-{number}-report.pdf"

    def feedback(self, number: int) -> str:
        return f"student-{number}-as-returned.html"

    def similarity(self) -> str:
        return "similarity.html"

    def asset(self, name: str) -> str:
        return name


def _query(query: dict[str, object]) -> str:
    given = {name: value for name, value in query.items() if value not in ("", None)}
    return f"?{urlencode(given)}" if given else ""
