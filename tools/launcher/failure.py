"""failure.py: the errors that end a command, and its exit codes.

As in a shell and in timeout(1): a program's own code passes through, so the launcher's are few.
"""

import difflib

EXIT_USAGE = 2  # the command line is wrong
EXIT_TIMEOUT = 124  # --timeout ended the program
EXIT_CLUSTER = 125  # the cluster failed: a node died, panicked, never joined
EXIT_CANNOT_EXECUTE = 126  # PROG is there and is no program for Lisse
EXIT_NOT_FOUND = 127  # PROG is not there
EXIT_SIGNAL = 128  # + number of the signal that ended the program or the launcher


class Failure(Exception):
    """What happened, the value seen, the likely cause and the next step, and an exit code."""

    def __init__(self, text, code=EXIT_CLUSTER):
        super().__init__(text)
        self.code = code


def usage(text):
    return Failure(text, EXIT_USAGE)


def nearest(word, known):
    """"; did you mean 'x'?" or "": the closest known word."""
    close = difflib.get_close_matches(word, list(known), 1, 0.5)
    return f"; did you mean '{close[0]}'?" if close else ""
