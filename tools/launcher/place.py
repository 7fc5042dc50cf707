"""place.py: where a cluster keeps its things, and how what a crash left behind is recognised.

A private folder (sockets, links to modules, logs) lies in the system's folder for temporary
files, because a unix socket's path has at most 107 bytes [unix(7)] while $LISSE_DIR may be deep.
Its file "lock" is locked (flock) by the living owner: a folder whose lock can be taken is stale.
"""

import fcntl
import json
import os
import shutil
import tempfile
import time

PREFIX = f"lisse-{os.getuid()}-"
LOGS_KEPT_MAX = 10  # of failed runs
BASE_BYTES_MAX = 60  # + our names stay below 107


def _base():
    base = tempfile.gettempdir()
    if len(base) > BASE_BYTES_MAX or any(c in base for c in " ,=") or not os.path.isdir(base):
        return "/tmp"
    return base


def lock_take(path, kind=fcntl.LOCK_EX):
    """A descriptor that holds the lock, or None when a living process holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
        return fd
    except BlockingIOError:
        os.close(fd)
        return None


def _sweep_logs(folders):
    """Of the folders that failed runs left for their logs, keep the newest."""
    kept = []
    for path in folders:
        try:
            if os.listdir(path) == ["log"]:
                kept.append((os.stat(path).st_mtime, path))
        except OSError:
            continue  # another launcher removes it right now
    for _, path in sorted(kept)[:-LOGS_KEPT_MAX]:
        shutil.rmtree(path, ignore_errors=True)


def sweep():
    """Remove private folders whose owners died without doing it, and old logs."""
    ours = [entry.path for entry in os.scandir(_base())
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False)]
    _sweep_logs(ours)
    for path in ours:
        lock = os.path.join(path, "lock")
        if not os.path.isfile(lock):
            continue
        try:
            fd = lock_take(lock)
        except OSError:
            continue
        if fd is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(fd)


class Place:
    """A private folder. close() removes it, keeping the logs when asked."""

    def __init__(self, log_dir=None):
        self.path = tempfile.mkdtemp(prefix=PREFIX, dir=_base())
        self.lock = lock_take(os.path.join(self.path, "new"))
        os.rename(os.path.join(self.path, "new"), os.path.join(self.path, "lock"))
        self.log_dir = os.path.abspath(log_dir) if log_dir else os.path.join(self.path, "log")
        self._logs_are_ours = log_dir is None
        os.makedirs(self.log_dir, exist_ok=True)

    def file(self, name):
        return os.path.join(self.path, name)

    def log(self, name):
        return os.path.join(self.log_dir, name)

    def close(self, keep_logs=False):
        if keep_logs and self._logs_are_ours:
            shutil.rmtree(self.file("files"), ignore_errors=True)
            for name in ("control", "lock"):
                if os.path.lexists(self.file(name)):
                    os.unlink(self.file(name))
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)


class State:
    """$LISSE_DIR: the cluster that is up. Its file "lock" is held by the living keeper."""

    def __init__(self):
        self.path = os.path.abspath(os.environ.get("LISSE_DIR") or ".lisse")
        self.record_path = os.path.join(self.path, "cluster.json")

    def lock(self):
        """Take the state for a new keeper; None: one lives."""
        os.makedirs(self.path, exist_ok=True)
        for _ in range(5):  # is_up() of another command may hold it for a moment
            fd = lock_take(os.path.join(self.path, "lock"))
            if fd is not None:
                return fd
            time.sleep(0.02)
        return None

    def is_up(self):
        path = os.path.join(self.path, "lock")
        if not os.path.exists(path):
            return False
        fd = lock_take(path, fcntl.LOCK_SH)
        if fd is not None:
            os.close(fd)
        return fd is None

    def record(self):
        """What the keeper wrote, or None."""
        try:
            with open(self.record_path, encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return None

    def write(self, record):
        fresh = self.record_path + ".new"
        with open(fresh, "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.rename(fresh, self.record_path)

    def forget(self):
        if os.path.exists(self.record_path):
            os.unlink(self.record_path)
