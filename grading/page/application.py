"""The views of the class page, and the forms that change something: which address shows what."""

import functools
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, abort, jsonify, redirect, render_template, request, send_file
from werkzeug.exceptions import HTTPException

from grading.layout import STILL_REPORT
from grading.page import notes
from grading.page.addresses import ServerAddresses
from grading.page.class_folder import Class, ClassFolder, Student
from grading.page.class_view import Question
from grading.page.guard import REPORTS_HOST, Secrets, guard_page, guard_reports, same
from grading.page.marking import Edit, EditOutcome, Marking, is_field, undo
from grading.page.rendering import Views, configure
from grading.page.sitting import Sitting
from grading.results.manual import COMMENT
from grading.results.manual_file import ManualError
from labkit.errors import KitError

MOST_BYTES = 2**20  # of a form


class Page:
    """The server's half of the page: a class, and what this sitting remembers; one request at a time sees it.

    `lock` is held meanwhile: whoever else reads the class has to take it, too.
    """

    def __init__(self, folder: ClassFolder, known: Secrets, port: int, reports_port: int) -> None:
        self.folder, self.sitting = folder, Sitting()
        report = f"http://{REPORTS_HOST}:{reports_port}/{known.reports}"
        self.addresses = ServerAddresses(known.root, lambda number: f"{report}/{number}.pdf")
        self.views = Views(folder, self.addresses, self.sitting, known.form)
        self.app = Flask(__name__, static_folder="assets", static_url_path=f"{known.root}/assets")
        self.app.config["MAX_CONTENT_LENGTH"] = self.app.config["MAX_FORM_MEMORY_SIZE"] = MOST_BYTES
        self.lock = threading.Lock()
        self.app.wsgi_app = _one_at_a_time(self.app.wsgi_app, self.lock)
        configure(self.app)
        guard_page(self.app, known, port, reports_port)
        self._route(known.root)

    def _route(self, root: str) -> None:
        app = Blueprint("page", __name__, url_prefix=root)
        app.get("/")(self.show_class)
        app.get("/students/<int:number>")(self.show_student)
        app.get("/students/<int:number>/feedback")(self.show_feedback)
        app.get("/similarity")(self.show_similarity)
        app.get("/state")(self.state)
        app.post("/students/<int:number>")(self.save)
        app.post("/students/<int:number>/mine")(self.restore)
        app.post("/undo")(self.undo)
        app.post("/names")(self.show_or_hide_names)
        app.post("/similarity")(self.note_pair)
        self.app.register_blueprint(app)
        self.app.register_error_handler(HTTPException, self.refuse)
        self.app.register_error_handler(KitError, self.explain)

    # ------------------------------------------------------------------------------------------------------------ views

    def show_class(self) -> str:
        """Show the class: who, sorted, filtered and searched as the address asks for."""
        return self.views.of_class(self.folder.read(), Question.of(request.args))

    def show_student(self, number: int) -> str:
        """Show one student's submission beside what is to be marked of it."""
        class_, student = self._student(number)
        pane, item, decide = (request.args.get(name, "")[:100] for name in ("pane", "item", "decide"))
        return self.views.of_student(class_, student, pane, item=item, decide=decide)

    def show_feedback(self, number: int) -> Response:
        """Show the feedback as the student will see it, by what is written now."""
        class_, student = self._student(number)
        answer = Response(self.views.feedback(class_, student))
        # It has its styles in it, as it has to when it is a file of its own.
        answer.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"
        )
        return answer

    def show_similarity(self) -> str:
        """Show the pairs that share much, and what was noted about them."""
        return self.views.of_similarity(self.folder.read())

    def state(self) -> Response:
        """Say in a line what the class is like now, so that a view can tell whether it still shows that."""
        return jsonify(self.views.state(self.folder.read(), request.args.get("student", 0, type=int)))

    # ------------------------------------------------------------------------------------------------------------ forms

    def save(self, number: int) -> Response | tuple[str, int] | str:
        """Write what a marking form holds: the fields that differ from what the form was made with."""
        class_, student = self._student(number)
        form = request.form
        if form.get("student") != student.mark_of_form:
            abort(HTTPStatus.NOT_FOUND, "This form is of an earlier start of the page: load the page again.")
        _refuse_blind_writing(class_)
        marking = Marking(self.folder.out, student.result, class_.assignment)
        edits = _edits(form.to_dict(), class_)
        if not _wants_json():
            self._change_bank(form.to_dict(), edits)
        outcome = marking.save(edits, self.sitting, typing="typing" in form)
        if _wants_json():
            return self._as_json(number, edits, outcome)
        if outcome.conflicts or outcome.mistakes:
            return self.views.of_conflicts(class_, student, edits, outcome), HTTPStatus.CONFLICT
        return _see(self._back(number))

    def restore(self, number: int) -> Response | tuple[str, int]:
        """Put back what was saved here and is otherwise in the file by now, or take over what the file has."""
        class_, student = self._student(number)
        name, folder = request.form.get("field", ""), student.result.folder
        if not is_field(name, class_.assignment) or (folder, name) not in self.sitting.saved:
            abort(HTTPStatus.NOT_FOUND, "There is nothing of this kind to put back.")
        _refuse_blind_writing(class_)
        own_text = self.sitting.saved.pop((folder, name))
        if request.form.get("keep") == "mine":
            marking = Marking(self.folder.out, student.result, class_.assignment)
            edit = Edit(name, request.form.get("before", ""), own_text)
            outcome = marking.save([edit], self.sitting)
            if outcome.conflicts or outcome.mistakes:
                return self.views.of_conflicts(class_, student, [edit], outcome), HTTPStatus.CONFLICT
        return _see(self._back(number))

    def undo(self) -> Response | tuple[str, int] | str:
        """Take back the last change, and show whose it was."""
        class_ = self.folder.read()
        last = self.sitting.undo[-1] if self.sitting.undo else None
        student = next((one for one in class_.students if last and one.result.folder == last.folder), None)
        if last is None:
            return _see(self.addresses.of_class())
        _refuse_blind_writing(class_)
        if student is None or not is_field(last.field, class_.assignment):
            self.sitting.undo.pop()
            gone = f"the assignment has no {last.field}" if student else "its submission does not count"
            abort(HTTPStatus.CONFLICT, f"The last change stays: {gone} any more. Undo again for the one before it.")
        outcome = undo(self.folder.out, student.result, class_.assignment, self.sitting)
        if outcome.conflicts or outcome.mistakes:
            edit = Edit(last.field, last.after, last.before)
            return self.views.of_conflicts(class_, student, [edit], outcome), HTTPStatus.CONFLICT
        return _see(self.addresses.student(student.number))

    def show_or_hide_names(self) -> Response:
        """Show the names in all views, or hide them again."""
        self.sitting.names_shown = request.form.get("show") == "yes"
        home = self.addresses.of_class()
        back = request.form.get("back", home)
        return _see(back if back.startswith(home) else home)

    def note_pair(self) -> Response:
        """Keep a note about a pair, and whether it was looked at."""
        place, note = request.form.get("pair", ""), request.form.get("note", "").strip()[: notes.LONGEST]
        key = self.views.pair_keys().get(place)
        if key is None:
            abort(HTTPStatus.NOT_FOUND, "There is no such pair any more: load the page again.")
        looked_at = "looked_at" in request.form

        def change(kept: notes.Notes) -> None:
            kept.pairs[key] = notes.PairNote(looked_at, note)

        notes.change_notes(self.folder.out, change)
        return _see(f"{self.addresses.similarity()}#{place}")

    # --------------------------------------------------------------------------------------------------------- failures

    def refuse(self, error: HTTPException) -> tuple[str | Response, int]:
        """Say why a request was refused."""
        code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
        if code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return self._refusal("This is more text than a form of the page takes: make the comment shorter."), code
        return self._refusal(error.description or error.name), code

    def explain(self, error: KitError) -> tuple[str | Response, int]:
        """Say what is wrong with a file of the instructor's, or with what was asked for; what was typed is kept."""
        return self._refusal(
            f"{self.views.without_names(str(error)).rstrip('.')}.", dict(request.form)
        ), HTTPStatus.CONFLICT

    def _refusal(self, why: str, again: dict[str, str] | None = None) -> str | Response:
        if _wants_json():
            return jsonify({"problem": why})
        root = self.addresses.root  # which nobody learns here
        root = root if request.path.startswith(f"{root}/") else ""
        return render_template("refused.html", why=why, again=again, path=request.path, root=root)

    # ---------------------------------------------------------------------------------------------------------- helpers

    def _student(self, number: int) -> tuple[Class, Student]:
        class_ = self.folder.read()
        student = class_.student(number)
        if student is None:
            abort(HTTPStatus.NOT_FOUND, f"There is no student {number} in this sitting.")
        return class_, student

    def _as_json(self, number: int, edits: list[Edit], outcome: EditOutcome) -> Response:
        """Say what became of the edits; without a digest where others changed what the form still has as it was."""
        class_, student = self._student(number)
        state: dict[str, Any] = {
            "before": outcome.in_file,
            "mistakes": outcome.mistakes,
            "conflicts": outcome.conflicts,
        }
        state |= self.views.state(class_, number)
        now = Marking(self.folder.out, student.result, class_.assignment).texts(edit.field for edit in edits)
        touched = {*outcome.in_file, *outcome.mistakes}
        if any(now[edit.field] != edit.before for edit in edits if edit.field not in touched):
            state["digest"] = ""
        return jsonify(state)

    def _change_bank(self, form: dict[str, str], edits: list[Edit]) -> None:
        """Keep a comment in the bank, drop one, or put one behind the student's comment, as the form's button says."""
        new = {name.removeprefix("new."): text for name, text in form.items() if name.startswith("new.")}
        # Enter in one of these fields presses the form's first button, and what was typed shall not be lost.
        for item in [item for item, text in new.items() if text.strip() or form.get("keep") == item]:
            notes.change_notes(self.folder.out, functools.partial(notes.keep_comment, item=item, text=new[item]))
        if "drop" in form:
            notes.change_notes(self.folder.out, functools.partial(notes.drop_comment, of_item=form["drop"]))
        if "bank" in form:
            at = next((n for n, edit in enumerate(edits) if edit.field == COMMENT), None)
            if at is not None:
                text = f"{edits[at].after}\n{form['bank']}".strip()
                edits[at] = Edit(COMMENT, edits[at].before, text)

    def _back(self, number: int) -> str:
        asked = {name: request.form.get(name, "")[:100] for name in ("pane", "item", "decide")}
        return self.addresses.student(number, **asked)


def _one_at_a_time(app: Callable[..., Any], lock: threading.Lock) -> Callable[..., Any]:
    def answer(*request: Any) -> Any:
        with lock:
            return app(*request)

    return answer


def _edits(form: dict[str, str], class_: Class) -> list[Edit]:
    """Read the fields of a marking form; each comes with the text that it was made with."""
    edits = []
    for key, before in form.items():
        name = key.removeprefix("before.")
        if name == key or not is_field(name, class_.assignment):
            continue
        after = form.get(f"cell.{name}", before)
        if f"points.{name}" in form:  # a decision
            points, reason = form[f"points.{name}"].strip(), " ".join(form.get(f"reason.{name}", "").split())
            after = f"{points}: {reason}" if points or reason else ""
        edits.append(Edit(name, _unix(before), _unix(after).strip()))
    return edits


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


def _refuse_blind_writing(class_: Class) -> None:
    """Raise ManualError where manual.csv can't be read as a whole: what the page shows of it may be old."""
    if class_.manual_problem:
        raise ManualError(class_.manual_problem)


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n")  # as forms are sent


def _see(address: str) -> Response:
    return redirect(address, HTTPStatus.SEE_OTHER)  # pyright: ignore[reportReturnType] # werkzeug's, which is Flask's here


def reports_app(folder_of: Callable[[int], Path | None], secret: str, port: int, page_port: int) -> Flask:
    """Make the second server, which has nothing but the reports, each under its student's number."""
    app = Flask("reports", static_folder=None)
    guard_reports(app, port, page_port)

    @app.get("/<given>/<int:number>.pdf")
    def report(given: str, number: int) -> Response:
        folder = folder_of(number) if same(given, secret) else None
        if folder is None or not (folder / STILL_REPORT).is_file():
            abort(HTTPStatus.NOT_FOUND)
        return send_file(folder / STILL_REPORT, mimetype="application/pdf", download_name="report.pdf", max_age=0)

    return app
