"""Gets the assignment ready to hand in: makes the report's PDF, checks everything, and packs the zip.

    python submit.py report                        report.md becomes report.pdf
    python submit.py check                         is everything there, and right? a line each, with what to do
    python submit.py pack 189295 ada lovelace      checks, writes 189295_ada_lovelace.zip, says where to send it

The commands are in labkit/submission/.
"""
# ruff: noqa: E402

from labkit import startup

startup.check("numpy", "tqdm", "tensorflow", "anyascii", "msgspec")

from labkit.submission.command_line import main

if __name__ == "__main__":
    main()
