"""assignment.toml: what comes with the kit is usable, and what an instructor mistypes is told in a line."""

import datetime
import re

import pytest

from labkit.checks.assignment import CHECKS, DEFAULT, AssignmentError, load_assignment

pytestmark = pytest.mark.grading

TEXT = DEFAULT.read_text(encoding="utf-8")


@pytest.fixture
def load(tmp_path):
    """Return a function that loads the default assignment after replacing some of its text, each piece once."""

    def load_changed(*changes, encoding="utf-8"):
        text = TEXT
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = tmp_path / "assignment.toml"
        path.write_text(text, encoding=encoding)
        return load_assignment(path)

    return load_changed


def test_the_default_gives_a_hundred_points_for_all_that_is_checked():
    assignment = load_assignment()
    assert list(assignment.points) == [f"{group}/{name}" for group, names in CHECKS.items() for name in names]
    assert sum(assignment.points.values()) + sum(item.points for item in assignment.manual) == 100
    assert assignment.deadline is None
    assert assignment.to_fill_in == ["address"]


def test_the_default_has_the_recipe_of_the_kit_but_for_the_steps():
    call = re.search(r"parse_flags\(\s*__doc__, (.*?)\s*\)", (DEFAULT.parent / "deep_mnist.py").read_text(), re.DOTALL)[
        1
    ]
    recipe = dict(part.split("=") for part in call.split(", "))
    training = load_assignment().training
    for name in ("batch_size", "learning_rate", "label_smoothing"):
        assert getattr(training, name) == float(recipe[name]), name


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2027-01-31T23:59:59+01:00", "2027-01-31T22:59:59+00:00"),
        ("2027-01-31T23:59:59Z", "2027-01-31T23:59:59+00:00"),
    ],
)
def test_a_deadline_is_a_moment(load, written, expected):
    deadline = load(("# deadline = 2027-01-31T23:59:59+01:00", f"deadline = {written}")).deadline
    assert deadline == datetime.datetime.fromisoformat(expected)


def test_a_date_lasts_to_its_end_by_the_local_clock(load):
    deadline = load(("# deadline = 2027-01-31T23:59:59+01:00", "deadline = 2027-01-31")).deadline
    assert deadline.tzinfo is not None
    assert deadline.replace(tzinfo=None) == datetime.datetime(2027, 1, 31, 23, 59, 59)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("partial_credit", "partial_credits", ["partial_credit is missing", "partial_credits"]),
        ("seed = 0", "seed = 0\nsede = 1", ["unknown key training.sede", '"seed"']),
        ("report = 1", "report = 1\nreports = 2", ["unknown key points.files.reports", '"report"']),
        ("methods = 5", 'methods = "five"', ["points.report.methods is 'five'", "a number from 0 to 1,000"]),
        ("methods = 5", "methods = -5", ["points.report.methods is -5", "a number from 0"]),
        ("methods = 5", "methods = nan", ["points.report.methods is nan"]),
        ("methods = 5", "methods = true", ["points.report.methods is True"]),
        ("steps = 60", "steps = 60.5", ["training.steps is 60.5", "a whole number"]),
        ("model_no2 = [0.975, 0.9925]", "model_no2 = [0.9925, 0.975]", ["bands.model_no2", "lowest and a highest"]),
        ("model_no2 = [0.975, 0.9925]", "model_no2 = [97.5, 99.25]", ["bands.model_no2", "[0.975, 0.9925]"]),
        ("model_no2 = [0.975, 0.9925]", "model_no2 = 0.98", ["bands.model_no2 is 0.98"]),
        (
            "# deadline = 2027-01-31T23:59:59+01:00",
            'extensions = {"189295" = "next week"}',
            ["extensions is", "without quotes", '"189295" = 2027-02-07'],
        ),
        ("# deadline = 2027-01-31T23:59:59+01:00", "extensions = 5", ["extensions is 5", "a table of ids and dates"]),
        (
            "# deadline = 2027-01-31T23:59:59+01:00",
            'deadline = "tomorrow"',
            ["deadline is 'tomorrow'", "without quotes"],
        ),
        ("# deadline = 2027-01-31T23:59:59+01:00", "deadline = 31.01.2027", ["not valid TOML", "line"]),
        ('name = "discussion"', 'name = "explanation"', ["manual[3].name is 'explanation'", "of its own"]),
        (
            "student_id = '[0-9]+'",
            "student_id = '[0-9'",
            ["student_id is '[0-9'", "a regular expression (unterminated"],
        ),
        ("student_id = '[0-9]+'", "student_id = '[0-9]*'", ["student_id is '[0-9]*'", "matches no empty text"]),
        ('name = "discussion"', 'name = "id"', ["manual[3].name is 'id'", "those of the other columns (id, name, "]),
        ('name = "discussion"', 'name = "=cmd()"', ["manual[3].name", "lower-case letters"]),
        ("[late]", "[late", ["not valid TOML"]),
        ("[points.run]", "[points.runs]", ["points.run is missing", "points.runs"]),
        ('subject = "MNIST lab: my submission"', 'subject = ""', ["subject is ''", "not empty"]),
    ],
)
def test_a_mistake_is_told_with_key_value_and_what_is_expected(load, old, new, said):
    with pytest.raises(AssignmentError) as error:
        load((old, new))
    for part in ("assignment.toml", *said):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        *(
            (
                "# deadline = 2027-01-31T23:59:59+01:00",
                f"deadline = {date}",
                f"deadline = {date}): write date and time as",
            )
            for date in (
                "31.01.2027",
                "2027-01-31T23:59:59 CET",
                "2027-01-31T23:59:59+0100",
                "31/1/27",
            )
        ),
        ("methods = 5", "methods = 5,5", "a number takes a point: write 5.5, not 5,5"),
        ('name = "discussion"', "name = “discussion”", "typographic quotation marks are none to TOML"),
    ],
)
def test_what_people_write_for_toml_gets_a_sentence_with_its_line(load, old, new, said):
    with pytest.raises(AssignmentError) as error:
        load((old, new))
    line = next(number for number, line in enumerate(TEXT.splitlines(), 1) if line.startswith(old))
    assert f"not valid TOML in line {line} ({new}" in str(error.value)
    assert said in str(error.value)


def test_a_file_of_an_earlier_year_may_say_from_where_on_a_passage_was_common(load):
    assert load(("report = 0.2 ", "common = 0.2\nreport = 0.2 ")).similarity == load_assignment().similarity


def test_a_tolerance_of_half_a_point_written_as_a_percentage_is_refused(load):
    with pytest.raises(AssignmentError, match=r"accuracy_tolerance is 0\.5, expected a number from 0 to 0\.1"):
        load(("accuracy_tolerance = 0.005", "accuracy_tolerance = 0.5"))


def test_a_file_of_an_earlier_year_takes_reports_in_all_languages(load):
    lines = [line for line in TEXT.splitlines() if line.startswith(("languages =", "names ="))]
    assert len(lines) == 2
    assert load(*((line, "") for line in lines)).report == load_assignment().report


def test_a_language_that_the_kit_has_no_words_of_is_refused_with_those_it_has(load):
    with pytest.raises(AssignmentError, match="expected one or more of English, Italian, German, Spanish, French"):
        load(('"English", "Italian"', '"English", "Klingon"'))


def test_a_word_for_reports_that_would_fit_any_file_is_refused(load):
    with pytest.raises(AssignmentError, match=r"report\.names is \['p'\], expected words of at least 3 letters"):
        load(("names = []", 'names = ["p"]'))


def test_an_assignment_without_any_points_is_refused(load):
    points = TEXT[TEXT.index("[points.files]") : TEXT.index("[[manual]]")]
    with pytest.raises(AssignmentError, match="no check has points"):
        load((points, re.sub(r"= \d+", "= 0", points)))


def test_a_missing_file_and_another_encoding_are_told(tmp_path):
    with pytest.raises(AssignmentError, match=r"there is no .*none\.toml"):
        load_assignment(tmp_path / "none.toml")
    path = tmp_path / "assignment.toml"
    path.write_text("course = 'Università'", encoding="latin-1")
    with pytest.raises(AssignmentError, match="not in UTF-8"):
        load_assignment(path)


def test_a_file_of_an_earlier_year_does_not_say_what_few_steps_reach(load):
    (line,) = re.findall(r"^lowest = .*\n", TEXT, re.MULTILINE)
    assert load((line, "")) == load()
    with pytest.raises(AssignmentError, match=r"training\.lowst"):
        load((line, "lowst = 0.7\n"))


def test_the_mark_that_windows_editors_begin_a_file_with_does_no_harm(load):
    assert load(encoding="utf-8-sig").course


@pytest.mark.parametrize(
    ("late", "percent"), [({}, 0), ({"minutes": 15}, 0), ({"minutes": 16}, 10), ({"hours": 25}, 20), ({"days": 30}, 50)]
)
def test_each_day_that_has_begun_costs_up_to_the_most(late, percent):
    assert load_assignment().late.percent(datetime.timedelta(**late)) == percent


def test_an_extension_gives_no_less_time_than_the_others_have(tmp_path):
    text = DEFAULT.read_text(encoding="utf-8").replace("# deadline", "deadline")
    assert "\ndeadline" in text
    (tmp_path / "assignment.toml").write_text(f'{text}\n[extensions]\n"189295" = 2000-01-01\n', encoding="utf-8")
    with pytest.raises(
        AssignmentError, match=r"extensions.189295 is '2000-01-01 23:59', expected a date after the dead"
    ):
        load_assignment(tmp_path / "assignment.toml")


def test_an_extension_is_a_moment_for_each_id_and_a_bare_date_lasts_to_its_end(load):
    added = 'extensions = {"189295" = 2027-02-07, "189296" = 2027-02-08T12:00:00+01:00}'
    found = load(("# deadline = 2027-01-31T23:59:59+01:00", added)).extensions
    assert found["189295"].replace(tzinfo=None) == datetime.datetime(2027, 2, 7, 23, 59, 59)
    assert found["189296"] == datetime.datetime.fromisoformat("2027-02-08T12:00:00+01:00")
    assert load().extensions == {}


def test_points_and_deadline_are_no_rules_that_call_for_another_run(load):
    base = load().rules
    assert load(("methods = 5", "methods = 7"), ("percent_per_day = 10", "percent_per_day = 5")).rules == base
    assert load(("steps = 60", "steps = 61")).rules != base
    assert load(("min_words = 600", "min_words = 601")).rules != base


# -------------------------------------------------------------------------------------------------------------- levels

LEVELS = """
[[manual.levels]]
name = " Good "
points = 8
text = "Nearly all of it."

[[manual.levels]]
name = "not yet"
points = 0
text = "Hardly any of it."
"""
LAST = 'carry."\n'  # of the last manual item


@pytest.fixture
def with_levels(load):
    """Return a function that loads the assignment with levels of its last item, one text of them replaced."""

    def load_levels(old="", new=""):
        return load((LAST, LAST + LEVELS.replace(old, new) if old else LAST + LEVELS))

    return load_levels


def test_an_item_has_levels_that_are_found_by_name_capitals_or_not(with_levels):
    *others, item = with_levels().manual
    assert [other.levels for other in others] == [(), ()]
    assert [(level.name, level.points) for level in item.levels] == [("Good", 8), ("not yet", 0)]
    assert item.level("  gOOD ") == item.levels[0]
    assert item.level("goo") is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("not yet", "gOOd", ["manual[3].levels[2].name is 'gOOd'", "of its own for each level"]),
        ("not yet", "2,5", ["manual[3].levels[2].name is '2,5'", "no number", "points or a level's name"]),
        ("not yet", "nan", ["manual[3].levels[2].name is 'nan'", "no number"]),
        ("not yet", "", ["manual[3].levels[2].name is ''", "not empty"]),
        ("not yet", "a\\nb", ["manual[3].levels[2].name", "one line"]),
        ("not yet", "\\u202Eb", ["manual[3].levels[2].name", "one line"]),
        ("not yet", "x" * 41, ["manual[3].levels[2].name", "40 characters at most"]),
        (
            "points = 0",
            "points = 10.5",
            ["manual[3].levels[2].points is 10.5", "from 0 to 10, the points of discussion"],
        ),
        ("points = 0", "points = -1", ["manual[3].levels[2].points is -1", "from 0"]),
        ("points = 0", "point = 0", ["manual[3].levels[2].points is missing", "point, unknown: mistyped?"]),
        ("points = 0", "points = 0\ncolour = 1", ["unknown key manual[3].levels[2].colour"]),
        (LEVELS, "levels = 5", ["manual[3].levels is 5", "tables: [[manual.levels]]"]),
    ],
)
def test_a_mistake_in_a_level_is_told_with_its_place(with_levels, old, new, said):
    with pytest.raises(AssignmentError) as error:
        with_levels(old, new)
    for part in ("assignment.toml", *said):
        assert part in str(error.value)


def test_the_levels_that_the_hand_out_shows_as_an_example_are_valid(load):
    text = DEFAULT.read_text(encoding="utf-8")
    example = re.search(r"(?m)^# (\[\[manual\.levels\]\]\n(?:# ?.*\n)*)", text)
    assert example, "the example is gone"
    written = re.sub(r"(?m)^# ?", "", example[0])
    item = next(item for item in load((example[0], written)).manual if item.levels)
    assert len(item.levels) >= 2
