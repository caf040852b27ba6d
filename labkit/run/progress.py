"""How far a training is: a progress bar in a terminal; elsewhere, in a log file say, a line now and then."""

from tqdm import tqdm

LINES = 10  # in a log file, where there is no progress bar; more of a run in which one would take longer than
LINE_AFTER = 30  # seconds


class TrainingProgress:
    """The display of a training of so many steps, some of which may have been done before."""

    def __init__(self, steps: int, done: int, seconds: float) -> None:
        """Show the bar, where there is a terminal; `seconds` is the time that the steps before took."""
        self._steps = steps
        self._bar = tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True, disable=None)
        self._last_line = done * LINES // steps, seconds  # of the last line: how many tenths were done, in what time

    def advance(self, steps: int) -> None:
        """Count so many more steps as done."""
        self._bar.update(steps)

    def show(self, step: int, seconds: float, figures: str) -> None:
        """Show figures beside the bar, or in a line where it is time for one."""
        self._bar.set_postfix_str(figures)
        if self._bar.disable:
            self._print_now_and_then(step, seconds, figures)

    def _print_now_and_then(self, step: int, seconds: float, figures: str) -> None:
        """Print a line for each tenth of the steps: without it, a log file looks as if the run hung."""
        tenth = step * LINES // self._steps
        if (tenth > self._last_line[0] or seconds > self._last_line[1] + LINE_AFTER) and step < self._steps:
            self._last_line = tenth, seconds
            print(f"step {step:,} of {self._steps:,}, {seconds:.0f} s: {figures}", flush=True)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.close()
