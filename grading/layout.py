"""What a folder of results holds, by name."""

RESULT, GRADES, NOT_GRADED = "result.json", "grades.csv", "not-graded.csv"
FEEDBACK, FEEDBACK_PAGE = "feedback.md", "feedback.html"  # the same, as text and as a page
REPORT, CODE = "report.pdf", "code.json"  # of a submission that was graded, to be shown
STILL_REPORT = "report-still.pdf"  # a copy in which nothing acts: what a browser may show
SUBMISSIONS = "submissions"  # a folder, with a folder for each submission
