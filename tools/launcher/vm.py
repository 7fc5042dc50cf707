"""vm.py: one virtual machine: QEMU's command line, its process, its CPU seconds.

All of QEMU's connections (COM1, COM2, QMP, the LAN) are socket pairs made before it starts: no
byte of an early boot is lost, and no socket file can be left behind. The kernel ends the process
when its parent ends (PR_SET_PDEATHSIG), however that happens.
Sources: QEMU 7.2 qemu-options; prctl(2); proc(5).
"""

import ctypes
import os
import shlex
import signal
import socket
import subprocess

SOCKET_BYTES = 4 << 20  # asked for the LAN's sockets; the system's wmem_max may give less
PR_SET_PDEATHSIG = 1
NICS = ("e1000", "e1000-82545em", "e1000e")
DEFAULT_QEMU = "qemu-system-i386"

_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(death_signal):
    """A preexec_fn: this process gets death_signal when its parent ends."""
    parent = os.getpid()

    def set_in_child():
        _libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the call
            os._exit(1)
    return set_in_child


def lan_pair():
    """(our end, QEMU's end) of a LAN cable. A connected pair, so that a full socket makes QEMU
    wait for room instead of spinning, and so that max_dgram_qlen does not apply."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for end in pair:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BYTES)
    return pair


class Spec:
    """What all VMs of a cluster have in common, and what one of them is called."""

    def __init__(self, options, cluster, initrd):
        self.options = options
        self.cluster = cluster
        self.initrd = initrd
        self.mac_part = os.urandom(2)  # 52:54:00:x:y:number, one x:y per cluster
        self.uuid = None

    def mac(self, number):
        return "52:54:00:%02x:%02x:%02x" % (*self.mac_part, number)

    def boot_options(self, number):
        given = dict(word.split("=", 1) for word in self.options.option)
        words = {"name": f"n{number}", "cluster": self.cluster, "expect": self.options.n,
                 "locator": self.options.locator}
        words.update((key, value) for key, value in given.items() if key != "name")
        return " ".join(f"{key}={value}" for key, value in words.items())

    def kernel(self, number):
        return self.options.node_kernels.get(f"n{number}", self.options.kernel)

    def command(self, number, fds):
        options = self.options
        line = shlex.split(os.environ.get("LISSE_QEMU") or DEFAULT_QEMU)
        line += ["-name", f"{self.cluster}-n{number}", "-machine", "pc", "-accel", "tcg",
                 "-cpu", options.cpu, "-m", str(options.mem), "-display", "none", "-nodefaults",
                 "-no-user-config", "-no-reboot", "-kernel", self.kernel(number),
                 "-append", self.boot_options(number)]
        if self.initrd:
            line += ["-initrd", self.initrd]
        for name in ("com1", "com2", "qmp"):
            line += ["-chardev", f"socket,id={name},fd={fds[name]}"]
        line += ["-serial", "chardev:com1", "-serial", "chardev:com2",
                 "-mon", "chardev=qmp,mode=control",
                 "-netdev", f"dgram,id=n0,local.type=fd,local.str={fds['lan']}",
                 "-device", f"{options.nic},netdev=n0,mac={self.mac(number)},romfile="]
        if options.pcap:
            line += ["-object", f"filter-dump,id=dump,netdev=n0,file={self.pcap(number)}"]
        return line + options.qemu

    def pcap(self, number):
        """FILE for a cluster of one, else FILE with -nX before its ending; commas doubled."""
        path = os.path.abspath(self.options.pcap)
        if self.options.n > 1:
            stem, ending = os.path.splitext(path)
            path = f"{stem}-n{number}{ending}"
        return path.replace(",", ",,")


class Vm:
    """A running QEMU. `ends` are our ends: "com1", "com2", "qmp", and "lan" for the switch."""

    def __init__(self, spec, number, error_path):
        pairs = {name: socket.socketpair() for name in ("com1", "com2", "qmp")}
        pairs["lan"] = lan_pair()
        self.ends = {name: pair[0] for name, pair in pairs.items()}
        fds = {name: pair[1].fileno() for name, pair in pairs.items()}
        self.command = spec.command(number, fds)
        self.error_path = error_path
        try:
            with open(error_path, "wb") as errors:
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                    pass_fds=tuple(fds.values()), start_new_session=True,
                    preexec_fn=die_with_parent(signal.SIGKILL))
        finally:
            for pair in pairs.values():
                pair[1].close()
        self.pidfd = os.pidfd_open(self.process.pid)  # readable when the process has ended

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        if self.is_running():
            self.process.kill()

    def wait(self):
        self.process.wait()

    def close(self):
        self.kill()
        self.wait()
        for end in self.ends.values():
            end.close()
        os.close(self.pidfd)

    def cpu_seconds(self):
        """All threads, nanoseconds exact while they live; 0.0 after the end."""
        total = 0
        try:
            for thread in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{thread}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
            return total / 1e9
        except OSError:
            return self._cpu_seconds_coarse()

    def _cpu_seconds_coarse(self):
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
