# SPDX-License-Identifier: MIT
"""An observatory that runs as long as a test needs it."""

import ctypes
import os
import signal
import subprocess


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, should the test be killed


def environment():
    suppressions = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.supp")
    options = os.environ.get("TSAN_OPTIONS", "")
    return {**os.environ, "TSAN_OPTIONS": f"{options}:suppressions={suppressions}"}


class Pressure:
    """A file in the format of /proc/pressure/memory, which says what it is told to."""

    def __init__(self, path):
        self.path = path
        self.be(0.3, 0)

    def be(self, some, full):
        self.write("".join(f"{kind} avg10={value:.2f} avg60=0.00 avg300=0.00 total=0\n"
                           for kind, value in (("some", some), ("full", full))))

    def write(self, text):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.replace(self.path + ".new", self.path)  # replaces the file at once: no reader sees half of it


class Observatory:
    """Starts on a free port; `address` ends with a slash."""

    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, "--port", "0", *options], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=dies_with_us, env=environment())
        self.address = self.process.stdout.readline().strip()
        if not self.address.startswith("http://127.0.0.1:"):
            self.process.kill()
            raise AssertionError(f"no address: {self.address} {self.process.communicate()}")
        self.port = int(self.address.rstrip("/").rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()

    def ends(self, seconds):
        """Waits for it. Returns: what it wrote. It must have ended well."""
        out, err = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, f"exit code {self.process.returncode}\n{out}{err}"
        assert err == "", err
        return out

    def stop(self, by=signal.SIGTERM, seconds=60):
        self.process.send_signal(by)
        return self.ends(seconds)
