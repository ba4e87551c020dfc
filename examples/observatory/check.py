# SPDX-License-Identifier: MIT
"""Runs the observatory and checks what it answers: check.py <case> <observatory> <folder> [<tool>]

The folder holds the text for its load; the tool is what the case needs.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from running import Observatory, Pressure

OPEN = "application/openmetrics-text; version=1.0.0"


def get(url, method="GET", body=None, **headers):
    request = urllib.request.Request(url, data=body, method=method,
                                     headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def wait_until(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while not (found := condition()):
        expect(time.monotonic() < end, f"not within {seconds} s: {what}")
        time.sleep(0.1)
    return found


def run(*command, text=""):
    done = subprocess.run(command, input=text, text=True, capture_output=True, timeout=60)
    expect(done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def state(of):
    return json.loads(get(of.address + "state.json")[2])


def metrics(of, promtool):
    # After the first spike, so that all counters have moved.
    wait_until("a spike that is over",
               lambda: (s := state(of)["load"])["spikes"] > 0 and not s["is_spike"])
    status, headers, text = get(of.address + "metrics")
    expect(status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8",
           headers)
    said = run(promtool, "check", "metrics", text=text)
    expect(said == "", said)
    for pool in ("answers", "messages", "payloads", "sessions", "uploads"):
        expect(re.search(rf'^tarn_gets_total{{pool="{pool}",tier="\d+"}} [1-9]', text, re.M), pool)
    expect(not text.rstrip().endswith("# EOF"), "text 0.0.4 has no end mark")

    for accept, is_open in ((OPEN, True), ("*/*", False), (f"{OPEN};q=0.1, text/plain", False),
                            (f"{OPEN},text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True)):
        _, headers, text = get(of.address + "metrics", Accept=accept)
        expect(headers["Content-Type"].startswith("application/openmetrics-text") == is_open,
               f"{accept}: {headers}")
        expect(text.endswith("# EOF\n") == is_open, f"{accept}: {text[-40:]}")
        expect(headers["Vary"] == "Accept", headers)


def variables(of, jq):
    wait_until("records", lambda: state(of)["load"]["records"] > 1000)
    _, headers, text = get(of.address + "debug/vars")
    expect(headers["Content-Type"].startswith("application/json"), headers)
    run(jq, "-e", '.payloads_pool_stats | .total_get > 1000 and .total_put > 0 '
                  'and (.pools | has("32") and has("262144")) and (.recent_lengths | length) == 256',
        text=text)
    _, headers, text = get(of.address + "state.json")
    run(jq, "-e", '.broken == null and (.snapshot.pools | map(.name) == ["answers", "messages", '
                  '"payloads", "sessions", "uploads"]) and (.history | length > 1 and all(length == 14)) and '
                  '.load.leaks == false and (.load | has("failure") | not) and .suspects.places == [] and '
                  '(.advice | map(.pool) | contains(["payloads", "uploads"])) and (.advice | all('
                  '.waste_advised <= .waste_now and (.sizes | length > 0)))', text=text)
    # The advice and the table compute waste of the same bytes.
    run(jq, "-e", '[.advice[] as $a | .snapshot.pools[] | select(.name == $a.pool) | '
                  '.total.waste - $a.waste_now | fabs] | length > 1 and max < 0.001', text=text)


class Listener:
    """Reads server-sent events on a thread of its own."""

    def __init__(self, of, last=None):
        self.socket = socket.create_connection(("127.0.0.1", of.port), timeout=20)
        head = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{of.port}\r\n"
        head += f"Last-Event-ID: {last}\r\n" if last is not None else ""
        self.socket.sendall((head + "\r\n").encode())
        self.text = ""
        self.ended = False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while piece := self.socket.recv(1 << 16):
                self.text += piece.decode()
        except OSError:
            pass
        self.ended = True

    def status(self):
        return wait_until("an answer", lambda: self.text.split(" ", 2)[1] if "\r\n\r\n" in self.text
                          else None)

    def events(self):
        return [json.loads(line[6:]) for line in self.text.split("\n") if line.startswith("data: ")
                and line.rstrip().endswith("}")]

    def leave(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


def events(of, _):
    many = [Listener(of) for _ in range(32)]
    for one in many:
        expect(one.status() == "200", one.text)
    expect("Content-Type: text/event-stream\r\n" in many[0].text, many[0].text)
    for one in many:
        wait_until("a spike as an event", lambda one=one: any(
            e["pool"] == "uploads" and "spike" in e["message"] for e in one.events()))
    wait_until("a heartbeat", lambda: ": still here" in many[0].text)
    # One reader too many is refused, and gets a place as soon as another reader leaves.
    late = Listener(of)
    expect(late.status() == "503", late.text)
    expect("Retry-After: " in late.text, late.text)
    late.leave()
    many.pop().leave()

    def comes_in():
        one = Listener(of)
        many.append(one)
        return one.status() == "200"
    wait_until("the place of who left", comes_in)
    # A reader that comes back gets the events that it missed, and no event twice.
    known = wait_until("two events", lambda: (e := many[0].events()) and len(e) > 1 and e)
    numbers = [e["number"] for e in known]
    expect(numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers)
    many.pop().leave()
    time.sleep(2)
    again = Listener(of, last=numbers[0])
    expect(again.status() == "200", again.text)
    wait_until("the event after the one that is known",
               lambda: [e["number"] for e in again.events()][:1] == [numbers[0] + 1])
    # The end of the program ends all streams.
    of.stop()
    wait_until("hang up", lambda: again.ended and all(one.ended for one in many[:31]))


def hostile(of, _):
    for path in ("nope", "metrics/", "..%2f..%2fetc/passwd", "debug", "state.json%00", "%ff%fe"):
        status, _, text = get(of.address + path)
        expect(status == 404 and "there is no such page" in text, f"{path}: {status} {text}")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        status, headers, _ = get(of.address + "metrics", method, b"x" * 100)
        expect(status == 405 and headers["Allow"] == "GET, HEAD", f"{method}: {status} {headers}")
    for name in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1]", ""):
        status, _, _ = get(of.address + "state.json", Host=name)
        expect(status == 421, f"host '{name}': {status}")
    expect(get(of.address + "state.json", Host="localhost")[0] == 200, "localhost")
    status, headers, text = get(of.address, "HEAD")
    expect(status == 200 and text == "" and int(headers["Content-Length"]) > 10000, headers)
    expect("default-src 'none'" in headers["Content-Security-Policy"], headers)

    def send(bytes_, read=True):
        with socket.create_connection(("127.0.0.1", of.port), timeout=10) as s:
            try:
                s.sendall(bytes_)
                return s.recv(4096).decode(errors="replace") if read else ""
            except OSError:
                return ""  # the server hung up: that is an answer too
    host = f"Host: 127.0.0.1:{of.port}\r\n".encode()
    for request in (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 1_000_000 + b"\r\n\r\n",
                    b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 100_000 + b"\r\n",
                    b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
                    b"\0\1\2\3" * 1000 + b"\r\n\r\n", b"GET\r\n\r\n", b"\r\n" * 1000):
        said = send(request)
        expect(not said.startswith("HTTP/1.1 200") or request.count(b"\r\n") > 1000, said[:100])
    for request in (b"", b"GET / HT", b"GET /events HTTP/1.1\r\n" + host + b"\r\n") * 20:
        send(request, read=False)  # closes without reading
    wait_until("an answer after all of that", lambda: get(of.address + "state.json")[0] == 200)
    # No other machine can connect: the server is bound to this address only.
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split()[1] for line in table if line.split()[3] == "0A"]
    expect([r for r in rows if r.endswith(f":{of.port:04X}")] == [f"0100007F:{of.port:04X}"], rows)
    # A second server does not get the port unnoticed.
    second = subprocess.run([of.process.args[0], "--port", str(of.port), "--path", sys.argv[3]],
                            capture_output=True, text=True, timeout=30)
    expect(second.returncode == 1 and f"port {of.port} of 127.0.0.1 can't be had" in second.stderr,
           second)


def options(program, folder):
    def wrong(text, *arguments):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
        expect(done.returncode == 2 and text in done.stderr and done.stdout == "", done)
    wrong("--port is '65536', must be a number from 0 to 65535", "--port", "65536")
    wrong("--port is '-1', must be a number from 0 to 65535", "--port=-1")
    wrong("--seconds is '0', must be a number from 1 to 604800", "--seconds", "0")
    wrong("--seconds is '604801', must be a number from 1 to 604800", "--seconds", "604801")
    wrong("--seconds is 'ten', must be a number from 1 to 604800", "--seconds", "ten")
    wrong("--seconds needs a value", "--seconds")
    wrong("--leak takes no value, but got 'much'", "--leak=much")
    wrong(f"--pressure is '{folder}/nowhere', must be a file that can be read", "--pressure",
          folder + "/nowhere")
    wrong(f"--pressure is '{folder}', must be a file that can be read", f"--pressure={folder}")
    wrong(f"--path is '{folder}/nowhere', must be a directory", "--path", folder + "/nowhere")
    wrong("unknown option '--host', must be one of --port, --seconds, ", "--host", "0.0.0.0")
    usage = run(program, "--help")
    for name in ("--port", "--seconds", "--path", "--pressure", "--leak"):
        expect(f"\n  {name} " in usage, f"{name} is not in the usage")


def ends(program, folder):
    began = time.monotonic()
    with Observatory(program, "--seconds", "3", "--path", folder) as of:
        out = of.ends(60)
    expect(time.monotonic() - began > 2.5, "--seconds 3")
    expect(out == "", f"more than one line: {out}")
    for by in (signal.SIGTERM, signal.SIGINT):
        with Observatory(program, "--path", folder) as of:
            idle = socket.create_connection(("127.0.0.1", of.port))  # sends nothing
            listeners = [Listener(of) for _ in range(3)]
            for one in listeners:
                expect(one.status() == "200", one.text)
            time.sleep(1)
            of.stop(by)
            idle.close()
    # In the middle of a spike, with a leak.
    with Observatory(program, "--leak", "--path", folder) as of:
        wait_until("a spike", lambda: state(of)["load"]["is_spike"])
        of.stop()


def retention(of, _):
    """A spike is seen, and its memory goes back afterwards without anybody asking."""
    retained = lambda: sum(state(of)["history"][-1][5::2])
    before = wait_until("a steady level", lambda: state(of)["up_seconds"] > 2.5 and retained())
    wait_until("a spike", lambda: state(of)["load"]["is_spike"])
    highest = wait_until("what it takes", lambda: (now := retained()) > before + (80 << 20) and now)
    given = lambda: state(of)["history"][-1][3]
    at_highest = given()
    low = before + (highest - before) // 4
    wait_until(f"back from {highest >> 20} to {low >> 20} MiB", lambda: retained() < low)
    expect(given() - at_highest >= highest - low, f"{given() - at_highest} bytes are told to be given back")


def monitor(of, _):
    """A pool that starts too small grows, and all that tell of it say the same."""
    one = Listener(of)
    expect(one.status() == "200", one.text)
    shown = lambda: next(m for m in state(of)["monitor"]["pools"] if m["pool"] == "sessions")
    told = lambda: [e for e in one.events()
                    if e["pool"] == "sessions" and e["kind"] in ("grow", "shrink")]
    first = wait_until("the first change", lambda: shown()["last_change"])
    expect(first["verdict"] == "grow" and first["done"] and first["old_size"] >= 32, first)
    wait_until("five changes", lambda: shown()["changes"] >= 5)
    thresholds = state(of)["monitor"]

    def agree():
        known = shown()
        gauge = re.search(r'^tarn_max_idle_blocks\{pool="sessions",[^}]*\} (\d+)$',
                          get(of.address + "metrics")[2], re.M)
        events_now, change = told(), known["last_change"]
        return (known["changes"] == shown()["changes"] == len(events_now) and
                change["old_size"] == events_now[-1]["old_size"] and
                change["new_size"] == events_now[-1]["new_size"] == int(gauge[1]) and
                abs(change["wall_seconds"] - events_now[-1]["wall_seconds"]) < 2 and known)
    known = wait_until("state, events and metrics agree", agree)
    # Each change begins where the last one ended, and its reason agrees with the numbers.
    sizes = [(e["old_size"], e["new_size"]) for e in told()]
    expect(sizes[0][0] == 32 and all(a[1] == b[0] for a, b in zip(sizes, sizes[1:])), sizes)
    last = known["last_change"]
    expect(last["gets"] >= thresholds["evidence"], last)
    expect(last["hit_rate"] < thresholds["grow_below"] if last["verdict"] == "grow" else
           last["hit_rate"] > thresholds["shrink_above"], last)
    # In the end gets find idle blocks.
    wait_until("a hit rate above the threshold", lambda: (
        now := shown()["tiers"][0])["gets"] > 500 and now["hit_rate"] >= thresholds["grow_below"])
    # Where no bound is set, the monitor does not set one.
    for m in thresholds["pools"]:
        expect(m["resizes"] == (m["pool"] == "sessions"), m)
    text = get(of.address + "metrics")[2]
    expect(set(re.findall(r'^tarn_max_idle_blocks\{pool="(\w+)".* \d+$', text, re.M)) == {"sessions"},
           "another pool has a bound")


def pressure(program, folder):
    with tempfile.TemporaryDirectory() as place:
        source = Pressure(os.path.join(place, "memory"))
        with Observatory(program, "--pressure", source.path, "--seconds", "120", "--path",
                         folder) as of:
            under_pressure(of, source)
            of.stop()


def under_pressure(of, source):
    one = Listener(of)
    expect(one.status() == "200", one.text)
    told = lambda what: [e for e in one.events() if e["pool"] == "all pools" and what in e["message"]]
    now = lambda: state(of)["pressure"]

    def trimmed():
        return sum(int(n) for n in re.findall(r"^tarn_trimmed_blocks_total\{.* (\d+)$",
                                              get(of.address + "metrics")[2], re.M))
    # When there is idle memory to trim.
    wait_until("a spike that is over",
               lambda: (s := state(of)["load"])["spikes"] > 0 and not s["is_spike"])
    calm = now()
    expect(calm["source"] == source.path and calm["some_percent"] == 0.3 and calm["level"] == "none"
           and calm["trims"] == 0 and calm["last_trim"] is None and "absent" not in calm, calm)
    before = trimmed()
    source.be(12.5, 0.5)
    some = wait_until("a trim", lambda: (p := now())["last_trim"] and p)
    expect(some["level"] == some["last_trim"]["level"] == "some" and some["some_percent"] == 12.5 and
           some["trims"] == 1 and some["last_trim"]["bytes"] == some["trimmed_bytes"] > 1 << 20, some)
    expect(trimmed() > before, "no pool has trimmed a block")
    wait_until("the event", lambda: told(f"some: all pools trimmed, {some['trimmed_bytes']} bytes"))
    # Higher pressure is answered at once, however soon after the last action.
    source.be(40, 9)
    worse = wait_until("all", lambda: (p := now())["level"] == "full" and p)
    expect(worse["last_trim"]["level"] == "full" and worse["trims"] > some["trims"], worse)
    # Pressure ends only well below the threshold.
    source.be(8.5, 0)
    wait_until("better", lambda: now()["level"] == "some")
    source.be(7.5, 0)
    wait_until("over", lambda: now()["level"] == "none" and told("is over"))
    at_rest = now()["trims"]
    # A file that can't be read counts as no pressure, and the reason is shown.
    source.write("no such thing\n")
    why = wait_until("nonsense", lambda: now().get("absent"))
    expect(why == f"'{source.path}' is no pressure stall information", why)
    os.remove(source.path)
    wait_until("no file", lambda: now().get("absent") == f"'{source.path}' can't be read")
    expect(now()["trims"] == at_rest and "some_percent" not in now(), now())
    one.leave()


def main():
    case, program, folder = sys.argv[1:4]
    tool = sys.argv[4] if len(sys.argv) > 4 else None
    if case in ("options", "ends", "pressure"):
        return globals()[case](program, folder)
    check = {"metrics": metrics, "variables": variables, "events": events, "hostile": hostile,
             "retention": retention, "monitor": monitor}[case]
    with Observatory(program, "--seconds", "120", "--path", folder) as of:
        check(of, tool)
        if of.process.poll() is None:
            of.stop()


if __name__ == "__main__":
    main()
