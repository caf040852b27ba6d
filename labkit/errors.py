"""The errors of the kit that a person can do something about, with texts that are fit for a student to read.

    KitError
        DataError                           here
            NoFilesError                    labkit/data/mnist_files.py
            NotMnistError                   labkit/data/data_directory.py
            MirrorError                     labkit/data/download.py
                NoAnswerError
                    CertificateError
        LabError                            here
        RecordError                         here
        WriteError (an OSError, too)        labkit/files.py
        SandboxError                        labkit/limits.py
            NoSandbox
        ModelError                          labkit/mistakes.py
        CheckpointError                     labkit/run/checkpoints.py
        StudyError                          labkit/study/jobs.py
            NoRunError, OtherKindError      labkit/study/finished.py
            OtherNetworkError
        AssignmentError                     labkit/checks/assignment.py
        BadRecord                           labkit/checks/records.py
        BadReport                           labkit/checks/report/text.py
        Refused, Unreadable                 labkit/checks/graph/graphs.py
        BadName (a ValueError, too)         labkit/submission/names.py
        PackError                           labkit/submission/packing.py
        ReportError                         labkit/submission/report_pdf.py
        GradingError                        grading/options.py
            NobodyThere                     grading/cluster/address.py
        Refusal, StoodStill                 grading/unit.py
        WorkersDied                         grading/workers.py
        InUse                               grading/locking.py
        BadZip                              grading/intake/zips.py
        TableError                          grading/intake/tables.py
        DownloadError                       grading/intake/download.py
        ManualError                         grading/results/manual_file.py
            ChangedMeanwhile
        NotesError                          grading/page/notes.py
        ExportError                         grading/results/export/graded.py
        NoFingerprints                      grading/similarity/pairs.py

Not of them are signals without a text of their own (NoModel and RunsOnImport of labkit/mistakes.py, TooMuchOutput of
grading/sandbox/outputs.py), and what ends a notebook's cell (Stopped of labkit/notebook.py, which Python 2 reads, too).
"""


class KitError(Exception):
    """Something that a person can do something about: the text says what was wrong, with the value, and what to do."""

    def _render_traceback_(self, *_: object) -> list[str]:  # IPython asks for it, and shows this in place of a trace
        return [f"error: {self}"]


class DataError(KitError):
    """Data is missing, damaged or not what was asked for.

    The text names the file, what is wrong with it, and what to do next; it is fit for a student to read.
    """


class LabError(KitError):
    """A failure of a lab script that a student can mend: the text says what was wrong and what to do next."""


class RecordError(KitError):
    """A record is not of its form; the text says where. Who reads the record says which it is, and what to do."""
