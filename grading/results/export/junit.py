"""JUnit's XML, a file for each submission, which CodeGrade, GitLab and Artemis read.

The form is that of the schema that Jenkins' xUnit plugin publishes (github.com/jenkinsci/xunit-plugin, junit-10.xsd);
GitLab reads of it classname, name and time of a case, failure, error and skipped (docs.gitlab.com/ci/testing/
unit_test_reports), and of two cases with one name only the first, so a name has its group in it. Points have no
place of their own: they are properties of the suite.
"""

from xml.etree import ElementTree as xml

from grading.results.export import texts
from grading.results.export.each import is_full, is_open, log_of, text_of, write_each
from grading.results.export.graded import Graded, GradedClass
from grading.results.export.job import Exported, ExportJob, Target
from grading.results.export.tables import written
from grading.results.results import MarkedCheck
from labkit.checks.check import Status
from labkit.text import printable


def export(job: ExportJob) -> Exported:
    """Write a file for each submission."""
    return write_each(job, "junit.xml", document)


def document(student: Graded, graded: GradedClass) -> bytes:
    """Return the XML for one submission."""
    suite = xml.Element("testsuite", name=printable(graded.assignment.course))
    properties = xml.SubElement(suite, "properties")
    values = {"id": student.result.id, "max_score": written(student.maximum), "open": ", ".join(student.open)}
    if student.has_mark:
        values["score"] = written(student.marks.score)
    for name, value in values.items():
        xml.SubElement(properties, "property", name=name, value=printable(value))
    for row in student.marks.checks:
        _add_case(suite, row, student)
    if not student.has_mark:
        case = xml.SubElement(suite, "testcase", classname="grading", name="grading/submission")
        xml.SubElement(case, "error", message=texts.not_final(student), type="crashed")
    counts = {kind: str(len(suite.findall(f"testcase/{kind}"))) for kind in ("failure", "error", "skipped")}
    suite.attrib |= {
        "tests": str(len(suite.findall("testcase"))),
        "failures": counts["failure"],
        "errors": counts["error"],
        "skipped": counts["skipped"],
        "time": f"{sum(row.check.seconds for row in student.marks.checks):.3f}",
    }
    xml.SubElement(suite, "system-out").text = "\n".join(texts.summary(student, graded))
    suites = xml.Element("testsuites")
    suites.append(suite)
    return xml.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def _add_case(suite: xml.Element, row: MarkedCheck, student: Graded) -> None:
    check = row.check
    case = xml.SubElement(
        suite, "testcase", classname=check.name.group, name=str(check.name), time=f"{check.seconds:.3f}"
    )
    decided = check.name in student.marks.decisions
    if is_open(row, student) or (check.status == Status.SKIPPED and not decided):
        xml.SubElement(case, "skipped", message=text_of(row, student))
    elif not is_full(row, student):
        failure = xml.SubElement(case, "failure", message=text_of(row, student), type=str(check.status))
        failure.text = f"{row.points:g} of {row.max_points:g} points\n{log_of(row)}".strip()


TARGET = Target(source="", writes="junit.xml for each submission", export=export)
