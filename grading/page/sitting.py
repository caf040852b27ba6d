"""What one start of the page remembers, and nothing keeps: what was saved, in case it is to be undone or was lost."""

from dataclasses import dataclass, field

MOST_UNDONE = 1000  # changes that can be undone


@dataclass(frozen=True)
class Change:
    """A field of one submission's row, before and after it was saved here."""

    folder: str
    field: str
    before: str
    after: str


@dataclass
class Sitting:
    """The state of the page from its start to its end.

    `saved` has by folder and field what this page wrote last: where the file says otherwise, somebody else did.
    """

    names_shown: bool = False
    undo: list[Change] = field(default_factory=list)
    saved: dict[tuple[str, str], str] = field(default_factory=dict)

    def note(self, changes: list[Change], *, typing: bool) -> None:
        """Remember what was saved; `typing`: as a part of the last change, which is undone with it."""
        for change in changes:
            self.saved[change.folder, change.field] = change.after
            last = self.undo[-1] if self.undo else None
            if typing and last and (last.folder, last.field) == (change.folder, change.field):
                self.undo[-1] = Change(change.folder, change.field, last.before, change.after)
            else:
                self.undo.append(change)
        del self.undo[:-MOST_UNDONE]

    def note_undone(self, change: Change, *, done: bool) -> None:
        """Remember that the last change was taken back; or that it can't be, because others have changed it since."""
        self.undo.pop()
        if done:
            self.saved[change.folder, change.field] = change.before
