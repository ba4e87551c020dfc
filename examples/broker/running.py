# SPDX-License-Identifier: MIT
"""A server of the Redis protocol that runs as long as a test needs it, and a client for it."""

import ctypes
import signal
import socket
import subprocess
import tempfile
import time


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, should the test be killed


class Broker:
    """Starts on a free port."""

    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, "--port", "0", *options], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=dies_with_us)
        line = self.process.stdout.readline().strip()
        if not line.isdigit():
            self.process.kill()
            raise AssertionError(f"no port: {line} {self.process.communicate()}")
        self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def ends(self, seconds=20):
        """Waits for it. Returns: what it logged. It must have ended well."""
        _, log = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, f"exit code {self.process.returncode}\n{log}"
        return log

    def stop(self, by=signal.SIGTERM):
        self.process.send_signal(by)
        return self.ends()


class RedisServer:
    """Debian's redis-server, without files, on a free port."""

    def __init__(self, program):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly",
             "no", "--daemonize", "no", "--dir", self.folder.name],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dies_with_us)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                assert time.monotonic() < until and self.process.poll() is None, "it does not start"
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
        self.folder.cleanup()


def request(*arguments):
    """The bytes of a request."""
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


class Client:
    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.held = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def call(self, *arguments):
        self.send(request(*arguments))
        return self.reply()

    def _more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError(self.held)
        self.held += data

    def _line(self):
        while b"\r\n" not in self.held:
            self._more()
        line, self.held = self.held.split(b"\r\n", 1)
        return line + b"\r\n"

    def _exactly(self, n):
        while len(self.held) < n:
            self._more()
        data, self.held = self.held[:n], self.held[n:]
        return data

    def reply(self):
        """The bytes of one reply."""
        line = self._line()
        kind, n = line[:1], line[1:-2]
        if kind in b"$=" and n != b"-1":
            return line + self._exactly(int(n) + 2)
        if kind in b"*~>%" and n != b"-1":
            return line + b"".join(self.reply() for _ in range(int(n) * (2 if kind == b"%" else 1)))
        return line

    def rest(self):
        """All that comes until the server closes."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError):
            data, self.held = self.held, b""
            return data


def texts(reply):
    """The bulk strings of a reply, to compare what has no order."""
    return [part for part in reply.split(b"\r\n")[1:-1] if not part.startswith(b"$")]
