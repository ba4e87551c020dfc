# SPDX-License-Identifier: MIT
"""A real Prometheus scrapes our server for some seconds, in both formats; what it stored is compared
to what we serve, sample by sample: check_scrape.py <server> <prometheus>.

Everything runs on free ports of the loopback and in a temporary folder, and ends with this script.
"""

import ctypes
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text


def dies_with_us():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, should this script be killed


def get(url, accept=None):
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.headers["Content-Type"], response.read().decode()


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


def by_labels(samples):
    found = {}
    for name, labels, value in samples:
        key = (name, tuple(sorted((k, v) for k, v in labels.items() if v != "")))
        assert key not in found, f"{key} occurs twice"
        found[key] = value
    return found


def served(parse, text):
    return by_labels((s.name, s.labels, float(s.value)) for f in parse(text) for s in f.samples)


class Prometheus:
    def __init__(self, program, folder, target):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        jobs = [
            {"job_name": name, "metrics_path": path, "static_configs": [{"targets": [target]}]}
            for name, path in (("metrics", "/metrics"), ("text", "/text"), ("spoilt", "/spoilt"))
        ]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
        with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML
        self.log = open(f"{folder}/log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address={self.address}", "--log.level=warn"],
            stdout=self.log, stderr=self.log, preexec_fn=dies_with_us)

    def api(self, path, **query):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        return json.loads(get(url)[1])["data"]

    def ready(self):
        if self.process.poll() is not None:
            self.log.seek(0)
            raise AssertionError(f"prometheus ended:\n{self.log.read()}")
        return "Ready" in get(f"http://{self.address}/-/ready")[1]

    def targets(self):
        return {t["labels"]["job"]: t for t in self.api("targets")["activeTargets"]}

    def scrapes(self, job):
        """How often a target was read; 0 if it is not up."""
        found = self.api("query", query=f'count_over_time(up{{job="{job}"}}[1h])')["result"]
        is_up = self.targets().get(job, {}).get("health") == "up"  # no target at the very start
        return int(found[0]["value"][1]) if is_up and found else 0

    def stored(self, job):
        result = self.api("query", query=f'{{job="{job}"}}')["result"]
        samples = []
        for series in result:
            labels = dict(series["metric"])
            name = labels.pop("__name__")
            assert labels.pop("job") == job
            labels.pop("instance")
            if name != "up" and not name.startswith("scrape_"):
                samples.append((name, labels, float(series["value"][1])))
        return by_labels(samples)


def compare(ours, theirs):
    assert ours, "nothing is served"
    assert ours.keys() == theirs.keys(), sorted(ours.keys() ^ theirs.keys())[:5]
    wrong = [(key, ours[key], theirs[key]) for key in ours if ours[key] != theirs[key]]
    assert not wrong, wrong[:5]


def run(server_program, prometheus_program, folder):
    server = subprocess.Popen([server_program], stdout=subprocess.PIPE, text=True,
                              preexec_fn=dies_with_us)
    prometheus = None
    try:
        target = f"127.0.0.1:{int(server.stdout.readline())}"
        base = f"http://{target}"
        prometheus = Prometheus(prometheus_program, folder, target)
        wait_until("ready", prometheus.ready)

        before = None
        for turn in ("at first", "after some work"):
            seen = {job: prometheus.scrapes(job) for job in ("metrics", "text")}
            # Two more: the first may have begun before.
            wait_until(f"scrapes {turn}", lambda: all(
                prometheus.scrapes(job) >= count + 2 for job, count in seen.items()))
            kind, body = get(f"{base}/metrics", "application/openmetrics-text; version=1.0.0")
            assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind
            kind, text = get(f"{base}/metrics")
            assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
            opened = served(parse_openmetrics, body)
            plain = served(parse_text, text)
            # On a busy machine some scrapes come too late; the next one is stored again.
            wait_until(f"as many values {turn}", lambda: (
                len(prometheus.stored("metrics")) == len(opened) and
                len(prometheus.stored("text")) == len(plain)))
            stored = prometheus.stored("metrics")
            compare(opened, stored)
            compare(plain, prometheus.stored("text"))
            # Prometheus chose OpenMetrics, and a series is the same in both.
            created = [key for key in opened if key[0].endswith("_created")]
            assert created
            assert opened.keys() - plain.keys() == set(created), opened.keys() ^ plain.keys()
            if before is not None:
                changed = sum(1 for key in stored if stored[key] != before[key])
                assert changed > 50, changed
                print(f"{changed} values changed by the work")
            print(f"{turn}: {len(opened)} values as OpenMetrics, {len(plain)} as text, all stored")
            before = stored
            get(f"{base}/work")

        spoilt = prometheus.targets()["spoilt"]
        assert spoilt["health"] == "down" and "EOF" in spoilt["lastError"], spoilt
        print(f"seen: no end ({spoilt['lastError']})")
        try:
            compare({**stored, next(iter(stored)): -1.0}, stored)
        except AssertionError:
            print("seen: a value that is not the stored one")
        else:
            raise AssertionError("a wrong value is not seen")

        variables = json.loads(get(f"{base}/vars")[1])
        assert variables["frames_pool_stats"]["recent_lengths"], variables
        get(f"{base}/end")
        assert server.wait(timeout=20) == 0
    finally:
        for process in (server, prometheus and prometheus.process):
            if process and process.poll() is None:
                process.kill()
                process.wait()


with tempfile.TemporaryDirectory() as scratch:
    run(sys.argv[1], sys.argv[2], scratch)
