"""fake_node.py: stands in for QEMU and a node (LISSE_QEMU), so that the launcher is tested alone.

Takes QEMU's command line, speaks COM1, COM2 and QMP over the sockets it is given, and obeys the
boot option fake=WHAT:nX (never panic die triple refuse) and the words of the program it is told to
run: args, env, cat, exit N, out BYTES, err TEXT, spin, segv, panic, die, files (modules, then
those sent, with size and CRC-32). fake=full:nX takes no files, fake=stall:nX gives no credit.
"""

import json
import os
import re
import select
import socket
import struct
import sys
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.dont_write_bytecode = True

from launcher import channel  # noqa: E402

BOOT_S = 0.03
CREDIT = 4096


def option(name):
    return sys.argv[sys.argv.index(name) + 1]


def chardev(name):
    words = " ".join(sys.argv)
    return socket.socket(fileno=int(re.search(rf"id={name},fd=(\d+)", words)[1]))


class FakeNode:
    def __init__(self):
        self.boot = dict(word.split("=", 1) for word in option("-append").split())
        self.name = self.boot["name"]
        self.com1, self.com2, self.qmp = (chardev(name) for name in ("com1", "com2", "qmp"))
        what, _, who = self.boot.get("fake", ":").partition(":")
        self.fault = what if who == self.name else ""
        self.decoder = channel.Decoder()
        self.born = time.monotonic()
        self.is_paused = False
        self.jobs = {}  # stream -> word of the running program
        self.files = {}  # stream -> {name: bytes}
        self.qmp_lines = b""

    def print(self, text):
        self.com1.sendall(text.replace("\n", "\r\n").encode() + b"\r\n")

    def send(self, kind, stream=0, payload=b""):
        for at in range(0, max(len(payload), 1), channel.PAYLOAD_MAX):
            self.com2.sendall(channel.encode(kind, stream, payload[at:at + channel.PAYLOAD_MAX]))

    # ---- boot ---------------------------------------------------------------------------------

    def start(self):
        self.print(f"fake node {self.name}, options: {option('-append')}")
        self.qmp.sendall(b'{"QMP": {"version": {}, "capabilities": []}}\r\n')
        if self.fault == "panic":
            self.panic("ASSERT(fake) failed at fake_node.py:1")
        if self.fault == "die":
            sys.stderr.write("fake QEMU: cannot do this\n")
            sys.exit(1)
        if self.fault == "triple":
            self.qmp_event("SHUTDOWN", {"guest": True, "reason": "guest-reset"})
            sys.exit(0)

    def panic(self, reason):
        self.print(f"\nPANIC on node {self.name}: {reason}")
        self.print("  kernel/fake.c:12 fake_function+0x10\nThis node has stopped.")

    def qmp_event(self, name, data):
        self.qmp.sendall(json.dumps({"event": name, "data": data}).encode() + b"\r\n")

    def ready(self):
        members, stable = self.boot["expect"], 1
        state = "member"
        if self.fault == "refuse":
            self.print("refused: another build")
            members, stable, state = 0, 0, "refused"
        if self.fault == "never" or "never" in self.boot.get("fake", "") and self.name != "n1":
            members, stable, state = 0, 0, "joining"
        self.send(channel.READY, 0, (
            f"name={self.name} id={self.name[1:]} epoch=3 members={members} stable={stable} "
            f"build=fa4e state={state}\n").encode())

    # ---- channel ------------------------------------------------------------------------------

    def take(self, kind, stream, payload):
        if kind == channel.HELLO and time.monotonic() - self.born > BOOT_S:
            self.ready()
        elif kind == channel.RUN:
            self.run(stream, payload)
        elif channel.FILE_BEGIN <= kind <= channel.FILE_END:
            self.take_file(kind, stream, payload)
        elif kind == channel.SIGNAL and stream not in self.jobs:
            self.files.pop(stream, None)
        elif kind == channel.STDIN:
            self.send(channel.STDOUT, stream, payload)
            self.send(channel.STDIN_CREDIT, stream, struct.pack("<I", len(payload)))
        elif kind == channel.STDIN_EOF:
            self.exit(stream, 0)
        elif kind == channel.SIGNAL and self.jobs.get(stream) != "stubborn":
            self.exit(stream, 128 + payload[0], f"killed by signal {payload[0]}")
        elif kind == channel.EXEC:
            self.execute(stream, payload.decode())
        elif kind == channel.STATUS_ASK:
            self.status()
        elif kind == channel.HOLD:
            self.print(f"hold {payload[0]}")

    def take_file(self, kind, stream, payload):
        files = self.files.setdefault(stream, {})
        if kind == channel.FILE_BEGIN and self.fault == "full":
            self.send(channel.ERROR, stream, b"big (9 KB) does not fit: 4 of 4 KB are free; --mem")
        elif kind == channel.FILE_BEGIN:
            self.coming = payload[4:].decode()
            files[self.coming] = b""
            self.send(channel.FILE_CREDIT, stream,
                      struct.pack("<I", CREDIT if self.fault != "stall" else 0))
        elif kind == channel.FILE_DATA:
            files[self.coming] += payload
            self.send(channel.FILE_CREDIT, stream, struct.pack("<I", len(payload)))
        elif payload != struct.pack("<I", zlib.crc32(files[self.coming])):
            self.send(channel.ERROR, stream, b"a file was damaged")

    def exit(self, stream, code, reason=""):
        self.files.pop(stream, None)
        if self.jobs.pop(stream, None) is not None:
            self.send(channel.EXIT, stream, struct.pack("<i", code) + reason.encode())

    def run(self, stream, payload):
        words, _, env = payload.partition(b"\0\0")
        argv = words.decode().split("\0")
        self.jobs[stream] = argv[1] if len(argv) > 1 else "args"
        word, rest = self.jobs[stream], argv[2:]
        if word == "args":
            self.send(channel.STDOUT, stream, ("\n".join(argv) + "\n").encode())
        elif word == "env":
            self.send(channel.STDOUT, stream, env.replace(b"\0", b"\n"))
        elif word == "files":
            names = [os.path.basename(path) for path in modules()]
            names += [f"{name} {len(data)} {zlib.crc32(data):08x}"
                      for name, data in self.files.get(stream, {}).items()]
            self.send(channel.STDOUT, stream, ("\n".join(names) + "\n").encode())
        elif word == "out":
            self.send(channel.STDOUT, stream, bytes(i % 256 for i in range(int(rest[0]))))
        elif word == "err":
            self.send(channel.STDERR, stream, rest[0].encode() + b"\n")
        self.run_end(stream, word, rest)

    def run_end(self, stream, word, rest):
        if word == "cat":
            self.send(channel.STDIN_CREDIT, stream, struct.pack("<I", CREDIT))
        elif word == "exit":
            self.exit(stream, int(rest[0]))
        elif word == "segv":
            self.exit(stream, 139, "segmentation fault at 0x00000000, eip 0x08049000")
        elif word == "refuse":
            self.send(channel.ERROR, stream, b"the file is no program: bad segment; rebuild it")
        elif word == "panic":
            self.panic("the program asked for it")
        elif word == "die":
            os.kill(os.getpid(), 9)
        elif word not in ("spin", "stubborn"):
            self.exit(stream, 0)

    def execute(self, stream, line):
        word, _, rest = line.partition(" ")
        if word in ("panic", "die"):
            self.run_end(stream, word, rest)
            return
        if word == "echo":
            self.send(channel.EXEC_OUT, stream, rest.encode() + b"\n")
        self.send(channel.EXEC_END, stream, struct.pack("<i", int(rest) if word == "exit" else 0))

    def status(self):
        row = {"name": self.name, "id": int(self.name[1:]), "state": "member", "threads": 1,
               "pages_owned": 2, "entries_managed": 3}
        jobs = [{"id": stream, "program": word, "threads": 1} for stream, word in self.jobs.items()]
        text = json.dumps({"cluster": self.boot["cluster"], "epoch": 3, "stable": True,
                           "nodes": [row], "jobs": jobs, "changes": []}).encode()
        self.send(channel.STATUS, 0, text)
        self.send(channel.STATUS, 0)

    # ---- the other two ports ------------------------------------------------------------------

    def take_qmp(self, data):
        *lines, self.qmp_lines = (self.qmp_lines + data).replace(b"}{", b"}\n{").split(b"\n")
        if self.qmp_lines.endswith(b"}"):  # commands come without a newline
            lines, self.qmp_lines = lines + [self.qmp_lines], b""
        for line in lines:
            name = json.loads(line)["execute"]
            if name in ("stop", "cont"):
                self.is_paused = name == "stop"
                self.qmp_event("STOP" if self.is_paused else "RESUME", {})
            self.qmp.sendall(b'{"return": {}}\r\n')

    def loop(self):
        takers = {self.qmp: self.take_qmp, self.com1: self.take_com1, self.com2: self.take_com2}
        while True:
            ports = [self.qmp] if self.is_paused else list(takers)
            for port in select.select(ports, [], [])[0]:
                data = port.recv(65536)
                if not data:
                    sys.exit(0)
                takers[port](data)

    def take_com1(self, data):
        self.print("you typed " + repr(data.decode()))

    def take_com2(self, data):
        for frame in self.decoder.feed(data):
            self.take(*frame)


def modules():
    """QEMU's -initrd: module strings between commas, a doubled comma is one."""
    if "-initrd" not in sys.argv:
        return []
    parts = re.split(r"(?<!,),(?!,)", option("-initrd"))
    paths = [part.replace(",,", ",").split(" ")[0] for part in parts]
    for path in paths:
        if not os.path.isfile(path):
            sys.stderr.write(f"fake QEMU: Failed to open file '{path}'\n")
            sys.exit(1)
    return paths


if __name__ == "__main__":
    modules()
    node = FakeNode()
    node.start()
    node.loop()
