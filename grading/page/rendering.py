"""Makes the views' HTML, for the server and for files alike."""

import hashlib
from typing import Any

from flask import Flask, render_template
from jinja2 import StrictUndefined
from markupsafe import Markup

from grading.locking import is_graded_now
from grading.page import panes
from grading.page.addresses import PANES, Addresses
from grading.page.class_folder import Class, ClassFolder, Student
from grading.page.class_view import FILTERS, Question, chosen, distribution, most_failed, percent
from grading.page.marking import Edit, EditOutcome, Marking, lost
from grading.page.names import numbered, without_names
from grading.page.notes import PairNote, pair_key, read_notes
from grading.page.sitting import Sitting
from grading.page.student_view import field_names, marking_form, neighbours, texts_of
from grading.progress import Phase, RunState, read_progress
from grading.results.feedback_page import feedback_html
from grading.results.manual import COMMENT
from grading.similarity.similarity_record import ShownPair
from labkit.text import counted, printable


def configure(app: Flask) -> None:
    """Have templates fail for what they don't know, and neutralise every text that they show."""
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.finalize = _shown  # pyright: ignore[reportAttributeAccessIssue] # it may be set until a template is made
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {"counted": counted, "percent": percent}
    app.jinja_env.filters["verbatim"] = _Verbatim
    app.jinja_env.filters["hours"] = lambda seconds: f"{seconds / 3600:.1f} h"
    app.jinja_env.filters["points"] = lambda number: f"{number:g}"


class _Verbatim(str):
    """A text of the instructor's in a form, which is sent back: made printable, it would come back as another one."""


def _shown(value: object) -> object:
    """Make a text printable; autoescaping comes behind this, and leaves what is mark-up already."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup | _Verbatim) else value


class Views:
    """The views of one sitting: where their links lead is said by `addresses`, `form_token` is in each form."""

    def __init__(self, folder: ClassFolder, addresses: Addresses, sitting: Sitting, form_token: str = "") -> None:
        self.folder, self.addresses, self.sitting, self.form_token = folder, addresses, sitting, form_token

    def of_class(self, class_: Class, question: Question) -> str:
        """Return the class view."""
        return self._render(
            "class.html",
            class_,
            students=chosen(class_, question, names_shown=self.sitting.names_shown),
            question=question,
            searched=question.search,
            filters={name: words for name, (words, _) in FILTERS.items()},
            bars=distribution(class_),
            most_failed=most_failed(class_),
            similar=self._most_similar(),
        )

    def of_student(self, class_: Class, student: Student, pane: str, *, item: str = "", decide: str = "") -> str:
        """Return the marking view of a student with one of the panes; unknown names are as if they were not there."""
        pane = pane if pane in PANES else PANES[0]
        shown = self._as_shown(self.folder.with_logs(student) if pane == "log" else student)
        items, decisions = field_names(student, class_.assignment, decide)
        item = item if item in items else ""
        texts = self._texts(class_, student, [*items, *decisions, COMMENT])
        return self._render(
            "student.html",
            class_,
            student=shown,
            pane=pane,
            panes=PANES,
            item=item,
            decide=decide,
            shown=panes.contents(pane, shown, class_.assignment, self.folder),
            form=marking_form(student, texts, class_.assignment, self._comments(), decide),
            near=neighbours(class_, student.number, item),
        )

    def of_conflicts(self, class_: Class, student: Student, edits: list[Edit], outcome: EditOutcome) -> str:
        """Return the view of what could not be saved: with mistakes, and with what others have written meanwhile."""
        own = {edit.field: edit.after for edit in edits}
        before = {edit.field: edit.before for edit in edits}
        return self._render("conflicts.html", class_, student=student, own=own, before=before, outcome=outcome)

    def of_similarity(self, class_: Class) -> str:
        """Return the view of the pairs that share much."""
        similarities = self.folder.similarities()
        kept = read_notes(self.folder.out).pairs
        pairs = [(key_of(pair), pair) for pair in (similarities.pairs if similarities else [])]
        return self._render(
            "similarity.html",
            class_,
            similarities=similarities,
            pairs=[(anchor(key), pair, kept.get(key, PairNote())) for key, pair in pairs],
            of_folder={student.result.folder: student for student in class_.students},
        )

    def feedback(self, class_: Class, student: Student) -> str:
        """Return the feedback as the student will see it; a hidden name stays hidden."""
        comment = "" if student.replaced else student.written.comment
        shown = self._as_shown(self.folder.with_logs(student))
        return feedback_html(shown.result, shown.marks, class_.assignment, comment)

    def state(self, class_: Class, number: int) -> dict[str, Any]:
        """Return what a view shows of a student's state, or the class's, and a digest of all that it is made from."""
        student = class_.student(number)
        parts = [*class_.problems, hashlib.sha256(repr(class_.assignment).encode()).hexdigest()]
        if student:
            parts += [repr(student.marks), student.written.digest]
        else:
            parts += [repr(self._progress()), self.folder.sheet_digest()]
        return {
            "digest": hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16],
            "score": f"{student.marks.score:g} of {student.marks.max_score:g}" if student else "",
            "open": f"To be marked: {', '.join(student.open)}" if student and student.open else "",
            "undo": len(self.sitting.undo),
        }

    def name(self, student: Student) -> str:
        """Return the student's name, or the number where names are hidden."""
        return student.result.who if self.sitting.names_shown else f"Student {student.number}"

    def without_names(self, text: str, class_: Class | None = None) -> str:
        """Return a text of the grader's as it may be shown now: with numbers for students where names are hidden."""
        if self.sitting.names_shown:
            return text
        return numbered(text, (class_ or self.folder.read()).students)

    def pair_keys(self) -> dict[str, str]:
        """Return the keys of all the pairs that are listed, by their places in the view."""
        similarities = self.folder.similarities()
        return {anchor(key): key for key in map(key_of, similarities.pairs if similarities else [])}

    def _render(self, template: str, class_: Class, **more: Any) -> str:
        return render_template(
            template,
            here=template.partition(".")[0],
            class_=class_,
            state=self.state(class_, more["student"].number if "student" in more else 0),
            url=self.addresses,
            name=self.name,
            names_shown=self.sitting.names_shown,
            undo=self.sitting.undo[-1] if self.sitting.undo else None,
            problems=[self.without_names(problem, class_) for problem in class_.problems],
            lost=self._lost(class_),
            progress=self._progress(),
            csrf=self.form_token,
            folder=self.folder.out,
            **more,
        )

    def _texts(self, class_: Class, student: Student, fields: list[str]) -> dict[str, str]:
        """Return what is in the fields; of a file that can't be used, what was there when it last could be."""
        if not class_.problems:
            marking = Marking(self.folder.out, student.result, class_.assignment)
            return marking.texts(fields, self.folder.sheet())
        return dict.fromkeys(fields, "") | texts_of(student)

    def _comments(self) -> dict[str, list[str]]:
        return read_notes(self.folder.out).comments

    def _as_shown(self, student: Student) -> Student:
        return student if self.sitting.names_shown else without_names(student)

    def _progress(self) -> RunState | None:
        """Return how far a grading is that is under way; None where there is none."""
        state = read_progress(self.folder.out) if is_graded_now(self.folder.out) else None
        return state if state and state.phase in (Phase.GRADING, Phase.COMPARING) else None

    def _lost(self, class_: Class) -> list[tuple[Student, Any]]:
        """Return what was saved here and is otherwise in the file by now, with the students."""
        if class_.problems or not self.addresses.live:
            return []
        students = {student.result.folder: student for student in class_.students}
        results = {folder: student.result for folder, student in students.items()}
        changes = lost(self.folder.out, results, class_.assignment, self.sitting, self.folder.sheet())
        return [(students[change.folder], change) for change in changes]

    def _most_similar(self) -> dict[str, float]:
        """Return by folder the largest part that a submission shares with another."""
        largest: dict[str, float] = {}
        similarities = self.folder.similarities()
        for pair in similarities.pairs if similarities else []:
            for folder in filter(None, (pair.first.folder, pair.second.folder)):
                largest[folder] = max(largest.get(folder, 0.0), *(share.part for share in pair.shares.values()))
        return largest


def key_of(pair: ShownPair) -> str:
    """Return by what a pair is known to the notes: the folders, or the name of an archive's."""
    return pair_key(pair.first.folder or pair.first.label, pair.second.folder or pair.second.label)


def anchor(key: str) -> str:
    """Return the name of a pair's place in the view."""
    return f"pair-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
