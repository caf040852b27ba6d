"""What a folder of results holds, by name."""

RESULT, FEEDBACK, GRADES, NOT_GRADED = "result.json", "feedback.md", "grades.csv", "not-graded.csv"
SUBMISSIONS = "submissions"  # a folder, with a folder for each submission
