"""loop.py: the launcher's one loop: descriptors, timers, signals. No threads.

poll(2) rather than epoll, because it takes regular files and /dev/null as always ready.
"""

import heapq
import itertools
import os
import select
import signal
import time

WRITE_BYTES = 4096  # a pipe that polls writable takes PIPE_BUF bytes without blocking [pipe(7)]
SINK_FULL_BYTES = 262144  # a sink with more waiting asks its source to pause


class Loop:
    def __init__(self):
        self._poll = select.poll()
        self._watched = {}  # fd -> [on_read, on_write]
        self._timers = []  # heap of [due, order, callback]; callback None: cancelled
        self._order = itertools.count()
        self._signals = {}
        self._wake = None
        self.is_running = False

    def watch(self, fd, on_read=None, on_write=None):
        """Call on_read() / on_write() whenever fd is ready; replaces what was asked before."""
        if on_read is None and on_write is None:
            self.unwatch(fd)
            return
        mask = (select.POLLIN if on_read else 0) | (select.POLLOUT if on_write else 0)
        self._watched[fd] = (on_read, on_write)
        self._poll.register(fd, mask)

    def unwatch(self, fd):
        if self._watched.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def after(self, seconds, callback):
        """Call callback() once; give the result to cancel() to take it back."""
        timer = [time.monotonic() + seconds, next(self._order), callback]
        heapq.heappush(self._timers, timer)
        return timer

    @staticmethod
    def cancel(timer):
        if timer is not None:
            timer[2] = None

    def on_signal(self, number, callback):
        """Call callback(number) from the loop, never in the middle of something."""
        if self._wake is None:
            self._wake, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
            self.watch(self._wake, self._take_signals)
        self._signals[number] = callback
        signal.signal(number, lambda *_: None)

    def _take_signals(self):
        for number in os.read(self._wake, 64):
            if number in self._signals:
                self._signals[number](number)

    def _timeout_ms(self):
        while self._timers and self._timers[0][2] is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0, (self._timers[0][0] - time.monotonic()) * 1000 + 0.5)

    def _run_timers(self):
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2]
            if callback is not None:
                callback()

    def _dispatch(self, fd, events):
        on_read, on_write = self._watched.get(fd, (None, None))
        trouble = events & (select.POLLHUP | select.POLLERR | select.POLLNVAL)
        if on_read and (events & select.POLLIN or trouble):
            on_read()
        elif on_write and trouble:
            on_write()
        if events & select.POLLOUT and self._watched.get(fd, (None, None))[1]:
            self._watched[fd][1]()

    def run(self):
        """Until stop(). Callbacks may raise: that ends the loop and reaches the caller."""
        self.is_running = True
        while self.is_running:
            for fd, events in self._poll.poll(self._timeout_ms()):
                self._dispatch(fd, events)
                if not self.is_running:
                    return
            self._run_timers()

    def run_for(self, seconds, until=lambda: False):
        """Run until until() or the time is over; True when until() came true."""
        if until():
            return True
        timer = self.after(seconds, lambda: None)
        while not until() and timer[0] > time.monotonic():
            for fd, events in self._poll.poll(self._timeout_ms()):
                self._dispatch(fd, events)
            self._run_timers()
        self.cancel(timer)
        return until()

    def stop(self):
        self.is_running = False


class Sink:
    """An output descriptor that is never waited for and whose flags are never touched: it may
    be the terminal that the shell shares with us."""

    def __init__(self, loop, fd, on_drained=None, on_broken=None):
        self._loop = loop
        self._fd = fd
        self._waiting = bytearray()
        self._on_drained = on_drained
        self._on_broken = on_broken
        self.is_broken = False

    def is_full(self):
        return len(self._waiting) > SINK_FULL_BYTES

    def is_empty(self):
        return not self._waiting

    def write(self, data):
        if self.is_broken or not data:
            return
        self._waiting += data
        self._loop.watch(self._fd, None, self._flush)

    def _flush(self):
        try:
            count = os.write(self._fd, self._waiting[:WRITE_BYTES])
        except BlockingIOError:
            return
        except OSError:
            self._break()
            return
        was_full = self.is_full()
        del self._waiting[:count]
        if was_full and not self.is_full() and self._on_drained:
            self._on_drained()
        if not self._waiting:
            self._loop.unwatch(self._fd)

    def _break(self):
        self.is_broken = True
        self._waiting.clear()
        self._loop.unwatch(self._fd)
        if self._on_drained:
            self._on_drained()
        if self._on_broken:
            self._on_broken()
