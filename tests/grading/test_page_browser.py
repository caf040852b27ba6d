"""The class page in headless Chromium: by keyboard alone, two at a time, and with hostile submissions."""

import contextlib
import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from tests.support.needs import needs

needs("flask")
sync_api = needs("playwright.sync_api")
axe = needs("axe_playwright_python.sync_playwright")

from grading.layout import STILL_REPORT, SUBMISSIONS  # noqa: E402
from grading.locking import locked  # noqa: E402
from labkit.files import KIT  # noqa: E402
from tests.grading.graded_class import checks, export, grade, hand_in  # noqa: E402
from tests.grading.page_class import ACTS, make_class, pdf, rows, with_levels  # noqa: E402
from tests.grading.test_export_moodle import imported, worksheet  # noqa: E402

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
pytestmark = [
    pytest.mark.grading,
    pytest.mark.browser,
    pytest.mark.sample(6, of="the page in a browser"),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed: apt-get install chromium"),
]
OWN = ("chrome-extension:", "chrome:", "data:", "blob:")  # of the browser's own viewer of PDFs
PANES = ("report", "checks", "networks", "code", "accuracies", "log", "feedback")
SAVED = 10_000  # milliseconds


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox wants namespaces, which a container may not have; what is opened here is ours.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def out(monkeypatch, tmp_path):
    return make_class(monkeypatch, tmp_path)


@contextlib.contextmanager
def running(out, *flags):
    """Run the command; yield its process and the address that it prints. Whatever happens, it is ended."""
    command = [sys.executable, "-m", "grading", "page", "--no-browser", "--out", str(out), *flags]
    with subprocess.Popen(command, cwd=KIT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, re.search(r"http\S+", process.stdout.readline())[0]
        finally:
            process.kill()


@pytest.fixture
def served(out, tmp_path):
    """Start the command; return the address that it prints."""
    with running(out, "--assignment", str(with_levels(tmp_path))) as (process, address):
        yield address
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


class Window:
    """A page of the browser, with what it asked for and what happened in it that should not."""

    def __init__(self, chromium, address, **options):
        self.context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self.page, self.server = self.context.new_page(), address.partition("/enter/")[0]
        self.dialogs, self.asked, self.errors = [], [], []
        self.page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        self.page.locator("#students").wait_for()
        self.home = self.page.url.rstrip("/")

    def go(self, path):
        self.page.goto(f"{self.home}{path}")

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def press_and_go(self, key):
        """Press a key that leads to another page; wait for that."""
        with self.page.expect_navigation():
            self.press(key)

    def saved(self):
        self.page.locator("#saved", has_text="saved").wait_for(timeout=SAVED)

    def elsewhere(self):
        """Return what was asked of anybody but the page's own two servers."""
        port = int(self.server.rpartition(":")[2])
        own = (f"{self.server}/", f"http://localhost:{port + 1}/", *OWN)
        return [url for url in self.asked if not url.startswith(own)]


def number_of(window):
    return int(re.search(r"/students/(\d+)", window.page.url)[1])


def given(out):
    """Return what was given to whom, by the student's id."""
    items = ("explanation", "experiments", "discussion", "comment", "overrule")
    found = {name: tuple(row[item] for item in items) for name, row in rows(out).items()}
    return {name: texts for name, texts in found.items() if any(texts)}


def test_five_students_are_marked_by_keyboard_alone(chromium, served, out):
    window = Window(chromium, served)
    window.page.get_by_role("button", name="Show names").click()
    window.go("/students/1?pane=checks")
    expected = {}
    for place in range(5):
        student_id = re.search(r"\((\d+)\)", window.page.locator("h1").inner_text())[1]
        window.press(str(place), "Enter", str(place % 3 + 1), "Enter", str(place % 2 + 1))
        window.saved()
        level = ("weak", "good")[place % 2]
        expected[student_id] = (str(place), str(place % 3 + 1), level, "", "")
        window.press_and_go("n")
    assert given(out) == expected
    window.press_and_go("p")
    assert window.page.locator("input[name='cell.explanation']").input_value() == "4"
    window.page.reload()
    assert window.page.locator("input[name='cell.experiments']").input_value() == "2"
    window.press_and_go("u")
    assert number_of(window) in (6, *range(1, 6))
    assert window.errors == []


def test_points_of_two_digits_a_level_changed_and_undone(chromium, served, out):
    window = Window(chromium, served)
    window.go("/students/1?pane=checks")
    window.press("1", "0")
    window.saved()
    window.press("Enter", "Enter")
    window.press("1")
    window.page.locator("#open", has_not_text="discussion").wait_for()
    assert [texts[:3] for texts in given(out).values()] == [("10", "", "weak")]
    window.page.locator("input[data-digit='2']").check()
    window.page.wait_for_timeout(300)
    assert [texts[:3] for texts in given(out).values()] == [("10", "", "good")]
    window.press_and_go("z")
    assert [texts[:3] for texts in given(out).values()] == [("10", "", "weak")]
    window.press_and_go("z")
    window.press_and_go("z")
    assert given(out) == {}, "both digits were typed at once, and are one change"


def test_what_was_not_saved_is_not_left_by_a_key(chromium, served, out):
    """Of 12 points the 1 is in the file when the 2 comes, which makes too many."""
    window = Window(chromium, served)
    window.go("/students/1?pane=checks")
    window.press("1", "2", "n")
    window.page.locator("[data-problem=explanation]", has_text="10").wait_for()
    window.page.wait_for_timeout(500)
    assert number_of(window) == 1
    window.press("Backspace", "Backspace", "7", ",", "5", "ArrowDown")
    window.press_and_go("n")
    assert [texts[0] for texts in given(out).values()] == ["7.5"]


def test_a_key_pressed_twice_and_one_for_the_next_student_mark_nobody_else(chromium, served, out):
    window = Window(chromium, served)
    window.go("/students/1?pane=checks&item=discussion")
    window.press("2", "2")
    window.saved()
    assert [texts[:3] for texts in given(out).values()] == [("", "", "good")]
    window.go("/students/2?pane=checks")
    window.page.route("**/students/3*", lambda route: (window.page.wait_for_timeout(600), route.continue_()))
    # The old page is still there while the next one is on its way.
    window.page.evaluate(
        """for (const [key, after] of [["n", 0], ["9", 200], ["n", 250]]) setTimeout(() => document.body.dispatchEvent(
            new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true })), after)"""
    )
    window.page.wait_for_url("**/students/3*")
    assert [texts[:3] for texts in given(out).values()] == [("", "", "good")]


def test_what_others_changed_is_shown_after_going_back(chromium, served, out):
    """A browser may put what was typed before into the new form, which then looks like a new change."""
    window = Window(chromium, served)
    window.go("/students/1?pane=checks")
    window.press("7")
    window.saved()
    window.press_and_go("n")
    text = (out / "manual.csv").read_text(encoding="utf-8")
    (out / "manual.csv").write_text(text.replace(",7,", ",9,"), encoding="utf-8")
    window.page.go_back()
    assert window.page.locator("input[name='cell.explanation']").input_value() == "9"


def test_what_is_typed_is_there_after_a_kill(chromium, out, tmp_path):
    with running(out) as (process, address):
        window = Window(chromium, address)
        window.go("/students/2?pane=checks")
        window.page.locator("#comment").press_sequentially("It says why; =1+1")
        window.saved()
        window.page.wait_for_timeout(300)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert [texts[3].removeprefix("'") for texts in given(out).values()] == ["It says why; '=1+1"]
        window.page.locator("#comment").press_sequentially("!")
        window.page.locator("#unsaved", has_text="Not saved").wait_for()
        assert window.page.locator("#comment").input_value() == "It says why; =1+1!"


def test_a_change_in_a_spreadsheet_is_noticed_and_both_versions_are_shown(chromium, served, out):
    window = Window(chromium, served)
    window.page.get_by_role("button", name="Show names").click()
    window.go("/students/1?pane=checks")
    student_id = re.search(r"\((\d+)\)", window.page.locator("h1").inner_text())[1]
    text = (out / "manual.csv").read_text(encoding="utf-8")
    table = list(csv.reader(text.splitlines()))
    row = next(row for row in table if row[0] == student_id)
    row[table[0].index("explanation")] = "3"
    with open(out / "manual.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)
    window.page.locator("#changed").wait_for(state="visible")
    window.press("9")
    window.page.get_by_role("heading", name="not all was saved").wait_for()
    versions = window.page.locator("main dd")
    assert versions.all_inner_texts() == ["9", "3"]
    assert given(out)[student_id][0] == "3"
    window.page.get_by_role("button", name="Write mine over it").click()
    window.page.locator("input[name='cell.explanation']").wait_for()
    assert given(out)[student_id][0] == "9"


def test_a_grading_that_is_under_way_is_shown(chromium, served, out):
    window = Window(chromium, served)
    assert window.page.get_by_text("Grading is under way").count() == 0
    holding, done = threading.Event(), threading.Event()

    def grade():
        with locked(out):
            (out / "progress.json").write_text(
                '{"format": 1, "submissions": 12, "done": 5, "running": [], "phase": "grading", "started": "x"}'
            )
            holding.set()
            done.wait(30)

    thread = threading.Thread(target=grade)
    thread.start()
    holding.wait(10)
    window.page.locator("#changed").wait_for(state="visible")
    window.page.reload()
    assert "5 of 12" in window.page.locator(".notices").first.inner_text()
    done.set()
    thread.join()


def test_a_comment_of_the_bank_takes_two_keys(chromium, served, out):
    window = Window(chromium, served)
    window.go("/students/1?pane=checks")
    window.page.locator("summary", has_text="Comments for explanation").click()
    window.page.locator("input[name='new.explanation']").fill("ReLU is missing.")
    with window.page.expect_navigation():
        window.page.get_by_role("button", name="Keep it").first.click()
    window.press_and_go("n")
    window.press("c")
    window.press_and_go("1")
    assert window.page.locator("#comment").input_value() == "ReLU is missing."
    assert [texts[3] for texts in given(out).values()] == ["ReLU is missing."]


def test_it_works_without_its_script(chromium, served, out):
    window = Window(chromium, served, java_script_enabled=False)
    window.go("/students/1?pane=checks")
    window.page.locator("input[name='cell.explanation']").fill("6")
    window.page.get_by_role("button", name="Save").first.click()
    assert [texts[0] for texts in given(out).values()] == ["6"]
    window.page.get_by_role("button", name="Undo").click()
    assert given(out) == {}


def test_hostile_submissions_run_nothing_and_ask_nobody(chromium, served, out):
    """Each view is opened, with names, which are hostile, too."""
    window = Window(chromium, served)
    window.page.get_by_role("button", name="Show names").click()
    window.page.get_by_role("button", name="Hide names").wait_for()
    for number in range(1, 7):
        for pane in PANES:
            window.go(f"/students/{number}?pane={pane}")
            window.page.wait_for_timeout(100)
    for path in ("/", "/similarity", "/?q=%3Cscript%3Ealert(1)%3C/script%3E"):
        window.go(path)
    assert window.dialogs == []
    assert window.elsewhere() == []
    assert window.errors == []


def test_the_browser_s_viewer_shows_a_report_and_nothing_in_the_copy_acts(chromium, served, out, tmp_path):
    """The same PDF as it was handed in opens a dialog: so the test would see one."""
    from grading.inside.trusted.still_report import write_still_copy

    acting = tmp_path / "acting.pdf"
    acting.write_bytes(pdf(action=ACTS))
    stills = sorted((out / SUBMISSIONS).glob(f"*/{STILL_REPORT}"))
    for still in stills:
        write_still_copy(acting, still)
    window = Window(chromium, served)
    window.go("/students/1")
    window.page.wait_for_timeout(3000)
    frames = [frame.url for frame in window.page.frames]
    assert any(url.startswith("chrome-extension:") for url in frames), "the viewer is at work"
    assert window.dialogs == []
    for still in stills:
        shutil.copyfile(acting, still)
    window.go("/students/1")
    window.page.wait_for_timeout(3000)
    assert window.dialogs == ["a script ran"]


def test_a_file_that_is_no_pdf_is_shown_as_nothing(chromium, served, out):
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    for still in (out / SUBMISSIONS).glob(f"*/{STILL_REPORT}"):
        still.write_bytes(svg)
    window = Window(chromium, served)
    window.go("/students/1")
    window.page.wait_for_timeout(1500)
    assert window.dialogs == []
    assert window.elsewhere() == []


@pytest.mark.parametrize("size", [12, pytest.param(100, marks=pytest.mark.alone)])
def test_a_class_from_moodle_is_marked_in_two_sittings_and_each_point_is_where_it_belongs(
    size, chromium, monkeypatch, tmp_path, capsys
):
    submissions, out = tmp_path / "submissions", tmp_path / "grades"
    names = [(str(1_000_000 + n), f"First{n} Last{n}", str(5000 + n)) for n in range(size)]
    for participant, name, student_id in names:
        first, last = name.lower().split()
        folder = f"{name}_{participant}_assignsubmission_file"
        hand_in(submissions, f"{folder}/{student_id}_{first}_{last}.zip")
    grade(monkeypatch, submissions, out, lambda submission: checks())
    typed = {}
    for sitting in range(2):
        with running(out) as (process, address):
            window = Window(chromium, address)
            window.page.get_by_role("button", name="Show names").click()
            window.page.get_by_role("button", name="Hide names").wait_for()
            window.go("/students/1?pane=checks")
            if window.page.locator("#open").inner_text() == "":
                window.press_and_go("u")
            for _ in range(size // 2):
                student_id = re.search(r"\((\d+)\)", window.page.locator("h1").inner_text())[1]
                assert student_id not in typed
                typed[student_id] = points = (int(student_id) % 10, int(student_id) % 6, int(student_id) // 10 % 10)
                window.press(str(points[0]), "Enter", str(points[1]), "Enter", str(points[2]))
                window.saved()
                window.page.locator("#open", has_not_text="To be marked").wait_for(state="attached")
                if len(typed) < size:
                    window.press_and_go("u")
            window.context.close()  # in the midst of it
            process.send_signal((signal.SIGKILL, signal.SIGINT)[sitting])
    assert len(typed) == size
    grade(monkeypatch, submissions, out, lambda submission: checks())
    (tmp_path / "worksheet.csv").write_bytes(worksheet(names))
    status, _, problem = export(
        capsys, "moodle", out, "--from", tmp_path / "worksheet.csv", "--to", tmp_path / "filled"
    )
    assert status == 0, problem
    (filled,) = (tmp_path / "filled").glob("*.csv")
    given = {participant: mark for participant, (mark, _) in imported(filled.read_bytes()).items()}
    assert given == {participant: 75 + sum(typed[student_id]) for participant, _, student_id in names}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_view_has_a_barrier_or_is_wider_than_the_screen(chromium, served, scheme, width):
    window = Window(chromium, served, color_scheme=scheme, viewport={"width": width, "height": 800})
    barriers = []
    paths = ["/", "/similarity", "/?check=architecture/model_no1", "/students/1?decide=malus"]
    for path in [*paths, *(f"/students/2?pane={pane}" for pane in PANES)]:
        window.go(path)
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width, path
        found = axe.Axe().run(window.page, options={"iframes": False}).response["violations"]
        barriers += [(path, one["id"], node["html"][:200]) for one in found for node in one["nodes"]]
    assert barriers == []
