# SPDX-License-Identifier: MIT
"""Opens the page in a headless Chromium over the DevTools protocol, looks at it, and keeps pictures:
browser.py <chromium> <observatory> <folder with text> <folder for pictures> [spoilt]

With `spoilt` the page is made worse in every way that is looked for, and all of it must be found.

Everything runs in a temporary folder and ends with this script.
"""

import base64
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

from running import Observatory, Pressure, dies_with_us

# The checks of every view, inside the page.
CHECKS = r"""(() => {
  const problems = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > root.clientWidth + 1 &&
                                                                 !e.closest("svg, .skip, #events, .body"));
    problems.push(`scrolls to the side: ${root.scrollWidth} > ${root.clientWidth}: ${wide.slice(0, 3).map(e => e.id || e.className)}`);
  }
  // Contrast of every text with what is behind it: WCAG 2, level AA.
  const parse = c => c.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || ["SCRIPT", "STYLE"].includes(e.tagName)) continue;
    const style = getComputedStyle(e);
    if (!e.getClientRects().length || style.visibility === "hidden") continue;
    ++texts;
    const [a, b] = [light(parse(style.color).slice(0, 3)), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) problems.push(`contrast ${ratio.toFixed(2)} of "${walker.currentNode.textContent.trim().slice(0, 30)}"`);
  }
  if (texts < 60) problems.push(`only ${texts} texts`);
  // Names for those who hear the page.
  for (const e of document.querySelectorAll("section, fieldset, nav")) if (!e.getAttribute("aria-labelledby") && !e.getAttribute("aria-label")) problems.push(`no name: ${e.tagName} ${e.id}`);
  for (const id of [...document.querySelectorAll("[aria-labelledby]")].map(e => e.getAttribute("aria-labelledby"))) if (!document.getElementById(id)) problems.push(`no ${id}`);
  for (const e of document.querySelectorAll("svg[role=img]")) if ((e.getAttribute("aria-label") || "").length < 20) problems.push(`no words for ${e.id}`);
  for (const e of document.querySelectorAll("input, button")) if (!(e.labels && e.labels.length) && !e.textContent.trim()) problems.push(`no label: ${e.outerHTML}`);
  for (const e of document.querySelectorAll(".figures dd")) if (!/\d.*(%|B|KiB|MiB|GiB|\/s)$/.test(e.textContent)) problems.push(`no unit: ${e.textContent}`);
  // Texts that are cut off, or lie outside of their pool.
  for (const e of document.querySelectorAll("#verdict .words, #pressure, .pool .name, .pool .fitting")) {
    if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline" || e.scrollHeight > e.clientHeight + 2) problems.push(`cut off: "${e.textContent}"`);
  }
  for (const e of document.querySelectorAll(".pool span")) {
    if (e.textContent && e.getBoundingClientRect().right > e.closest(".pool").getBoundingClientRect().right) problems.push(`outside of its pool: "${e.textContent}"`);
  }
  for (const plot of document.querySelectorAll(".plot")) {
    const labels = [...plot.querySelectorAll(".x")].map(e => [e.getBoundingClientRect(), e.textContent]).sort((a, b) => a[0].left - b[0].left);
    labels.forEach(([at, of], i) => { if (i && at.left < labels[i - 1][0].right + 2) problems.push(`labels on each other: ${labels[i - 1][1]}, ${of}`); });
  }
  if (window.shifts > 0.001) problems.push(`layout shift ${window.shifts}: ${[...new Set(window.shifted)].slice(0, 5)}`);
  return problems;
})()"""

# Counts the elements that move without any input.
WATCH = """window.shifts = 0; window.shifted = [];
new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) {
  window.shifts += e.value; for (const s of e.sources || []) if (s.node) window.shifted.push(s.node.id || s.node.className || s.node.nodeName); } }).observe({type: "layout-shift", buffered: false});"""

NUMBERS = """(t => JSON.stringify({hit: t("hit"), used: t("used"), kept: t("kept"), rate: t("rate"), back: t("back"), waste: t("waste"),
  clock: t("clock"), verdict: t("verdict"), level: document.getElementById("verdict").dataset.level,
  rows: document.querySelectorAll("#tier-rows tr").length, pools: document.querySelectorAll(".pool").length,
  events: document.querySelectorAll("#events li").length, bars: document.querySelectorAll(".histogram-bar").length,
  took: t("took"), advised: document.querySelectorAll(".advised").length, advice: t("advice"),
  leaks: document.querySelectorAll("#leaks tbody tr").length, leak: t("leaks-body")}))(id => document.getElementById(id).textContent)"""


SPOIL = """addEventListener("load", () => {
  fetch("http://127.0.0.1:9/").catch(() => 0);
  setTimeout(() => { throw new Error("planted"); }, 0);
  const style = document.createElement("style");
  style.textContent = ".hint { color: #c8c8c8 !important; } body { min-width: 700px; } " +
    ".pool .fitting { height: 1em; } .pool .in-use { margin-left: 200px; } .plot .x { padding: 0 50px; }";
  const block = document.createElement("p");
  document.head.append(style);
  document.body.prepend(block);
  setInterval(() => { for (const b of document.querySelectorAll(".fitting b")) b.textContent = "▲ grew 1 to 2 blocks"; }, 10);
  setInterval(() => { block.style.height = Math.random() * 200 + "px"; }, 300);
  document.getElementById("pools-title").removeAttribute("id");
  // The numbers of the first look for ever.
  const ask = window.fetch;
  let first;
  setTimeout(() => { window.fetch = (...a) => (first = first || ask(...a)).then(r => r.clone()); }, 20000);
});"""
SPOILT = ("layout shift", "contrast", "scrolls to the side", "no pools-title", "exception: ", "request to ",
          "clock is", "rate is", "used is", "cut off", "outside of its pool",
          "labels on each other", "the monitor: ", "some pressure", "full pressure", "the end", "no source")


class Browser:
    """Talks over two pipes: messages end with a zero."""

    def __init__(self, program, profile):
        self.next = 0
        self.buffer = b""
        self.heard = []
        to_read, self.out = os.pipe()
        self.back, to_write = os.pipe()

        def before():
            dies_with_us()
            # Moves both away from descriptors 3 and 4 first: one of them may lie there.
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-extensions", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--hide-scrollbars",
             f"--user-data-dir={profile}", "--remote-debugging-pipe"],
            preexec_fn=before, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")

    def read(self, seconds):
        """The next message, or None."""
        end = time.monotonic() + seconds
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.back], [], [], left)[0]:
                return None
            piece = os.read(self.back, 1 << 20)
            if not piece:
                raise AssertionError("Chromium has ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.next += 1
        message = {"id": self.next, "method": method, "params": parameters}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            answer = self.read(end - time.monotonic())
            if answer is None:
                break
            if answer.get("id") == self.next:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.heard.append(answer)
        raise AssertionError(f"{method}: no answer")

    def rest(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if (message := self.read(left)) is not None:
                self.heard.append(message)

    def ask(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, what, expression, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.ask(expression):
                return
            self.rest(0.2)
        raise AssertionError(f"not within {seconds} s: {what}; {self.ask(NUMBERS)}")

    def view(self, width, height, scheme, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def picture(self, path, whole=False):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        self.process.kill()
        self.process.wait()


def complaints(browser, address):
    """Errors of the page, and requests to anybody but us."""
    host = urllib.parse.urlparse(address).netloc
    found = []
    for message in browser.heard:
        method, of = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            found.append(f"exception: {of['exceptionDetails']}")
        elif method == "Runtime.consoleAPICalled" and of["type"] in ("error", "warning", "assert"):
            found.append(f"console: {of['args']}")
        elif method == "Log.entryAdded" and of["entry"]["level"] in ("error", "warning"):
            found.append(f"log: {of['entry']}")
        elif method == "Network.requestWillBeSent":
            url = of["request"]["url"]
            if not url.startswith(("data:", "about:")) and urllib.parse.urlparse(url).netloc != host:
                found.append(f"request to {url}")
    return found


def main():
    chromium, program, text, folder = sys.argv[1:5]
    spoilt = sys.argv[5:] == ["spoilt"]
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, \
            tempfile.TemporaryDirectory() as place, \
            Observatory(program, "--leak", "--seconds", "250", "--path", text, "--pressure",
                        (source := Pressure(os.path.join(place, "memory"))).path) as observatory:
        browser = Browser(chromium, profile)
        try:
            problems = look_around(browser, observatory.address, folder, spoilt)
            problems += under_pressure(browser, source, folder)
            problems += complaints(browser, observatory.address)
        finally:
            browser.close()
        observatory.stop()
    found = "\n".join(str(p) for p in problems)
    if spoilt:
        missed = [what for what in SPOILT if what not in found]
        assert not missed, f"not seen: {missed}\n{found[:4000]}"
    else:
        assert not problems, found[:4000]


def look_around(browser, address, folder, spoilt):
    browser.view(1280, 900, "light")
    if spoilt:
        browser.call("Page.setBypassCSP", enabled=True)  # the policy would block the request
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=SPOIL if spoilt else "")
    browser.call("Page.navigate", url=address)
    browser.wait_for("numbers of five pools", "document.querySelectorAll('.pool').length === 5")
    browser.wait_for("the first event", "document.querySelectorAll('#events li').length > 0")
    # A leak is only suspected after ten seconds.
    browser.wait_for("the planted leak", "/load.cpp:/.test(document.getElementById('leaks-body').textContent)", 60)
    problems = []
    numbers = json.loads(browser.ask(NUMBERS))
    if numbers["advised"] < 3 or "would be" not in numbers["advice"]:
        problems.append(f"no advice: {numbers}")
    if not re.match(r"[1-9][\d.]*\s(K|M)iB", numbers["back"]):
        problems.append(f"nothing went back after a spike: {numbers}")
    if numbers["level"] != "warn" or "load.cpp:" not in numbers["verdict"] or numbers["leaks"] != 1:
        problems.append(f"the leak is not what is said first: {numbers}")

    def check(view):
        problems.extend(f"{view}: {p}" for p in browser.ask(CHECKS))

    for name, view in (("desktop-light", (1280, 900, "light")), ("desktop-dark", (1280, 900, "dark")),
                       ("phone-light", (360, 800, "light", True)), ("phone-dark", (360, 800, "dark", True))):
        browser.view(*view)
        browser.rest(0.5)
        browser.ask(WATCH)  # a view that has just changed may move
        before = json.loads(browser.ask(NUMBERS))
        browser.rest(4)
        still = {"clock", "rate", "used"}
        for _ in range(8):  # a number may stay the same by chance, but not for long
            after = json.loads(browser.ask(NUMBERS))
            still = {key for key in still if before[key] == after[key]}
            if not still:
                break
            browser.rest(1)
        problems.extend(f"{name}: {key} is {before[key]} still" for key in sorted(still))
        check(name)
        browser.picture(f"{folder}/{name}.png", whole=True)

    # Every pool can be chosen with the keyboard.
    for view in ((360, 800, "light", True), (1280, 900, "light")):
        browser.view(*view)
        browser.rest(0.5)
        browser.ask(WATCH)
        chosen = set()
        browser.ask("document.querySelector('.pool input:checked').focus()")
        for _ in range(5):
            for kind in ("keyDown", "keyUp"):
                browser.call("Input.dispatchKeyEvent", type=kind, key="ArrowDown", code="ArrowDown",
                             windowsVirtualKeyCode=40)
            chosen.add(browser.ask("document.getElementById('tiers-title').textContent"))
            check(f"keyboard, {view[0]}, {len(chosen)}")
        if len(chosen) != 5:
            problems.append(f"with the keyboard only: {chosen}")
    # While paused, no element moves.
    browser.ask("document.getElementById('pause').click()")
    before = browser.ask(NUMBERS)
    browser.rest(2.5)
    events = lambda s: {k: v for k, v in json.loads(s).items() if k != "events"}
    if events(browser.ask(NUMBERS)) != events(before):
        problems.append("numbers move although the page is paused")
    browser.ask("document.getElementById('pause').click()")

    problems += times(browser)
    problems += monitor(browser, address)
    print(browser.ask(NUMBERS))
    return problems


def times(browser):
    """The page shows the times of gets, and those of waits where a pool has them."""
    problems = []
    said = browser.ask("document.getElementById('took').textContent").replace("\u00a0", " ")
    time = r"[\d.]+ (ns|µs|ms|s)"
    if not re.fullmatch(rf"About [\d.]+( [kM])? gets, from samples, half within {time}, 99 % within {time}", said):
        problems.append(f"the times of gets: {said}")
    if not browser.ask("document.querySelectorAll('#took-plot .histogram-bar').length"):
        problems.append("no bars of times")
    # No pool of the program waits, so the page is given one that does.
    said = browser.ask("""(() => {
      const pool = state.snapshot.pools.find(p => p.name === chosen);
      const before = pool.waiting_times, said = [];
      for (const times of [null, {count: 0, sum_seconds: 0, buckets: []}, {count: 100, sum_seconds: 20, buckets: [
          {up_to_seconds: 6.4e-8, count: 60}, {up_to_seconds: 0.001048576, count: 39}, {up_to_seconds: null, count: 1}]}]) {
        pool.waiting_times = times;
        showTimes();
        said.push(document.getElementById("waited").textContent, document.querySelectorAll("#waited-plot .histogram-bar").length);
      }
      pool.waiting_times = before;
      return said.join("|");
    })()""").replace("\u00a0", " ")
    problems.extend(f"with waits: {p}" for p in browser.ask(CHECKS))
    if said != ("This pool has no bound at which gets wait.|0|No get has waited yet.|0|"
                "100 waits, half within 64 ns, 99 % within 1.05 ms|3"):
        problems.append(f"the waits: {said}")
    return problems


def monitor(browser, address):
    """What the page says of a pool's monitor is what /state.json and /metrics say."""
    said = ""
    for _ in range(8):  # the monitor may decide otherwise in between
        with urllib.request.urlopen(address + "state.json", timeout=10) as answer:
            known = json.load(answer)["monitor"]
        change = next(m for m in known["pools"] if m["pool"] == "sessions")["last_change"]
        with urllib.request.urlopen(address + "metrics", timeout=10) as answer:
            bound = re.search(r'^tarn_max_idle_blocks\{pool="sessions",.* (\d+)$',
                              answer.read().decode(), re.M)[1]
        browser.rest(1.2)
        said = browser.ask("document.querySelector('.pool:has(input[value=sessions]) .fitting').textContent"
                           ).replace("\u00a0", " ")
        found = re.fullmatch(r"(▲ grew|▼ shrank) (\d+) to (\d+) blocks at \d\d:\d\d:\d\d: hit rate "
                             r"([\d.]+) % ([<>]) (80|98) % over ([\d.]+)( k)? gets(, [\d.]+ % since)?", said)
        if found and change and (int(found[2]), int(found[3])) == (change["old_size"], change["new_size"]) \
                and found[3] == bound and abs(float(found[4]) - 100 * change["hit_rate"]) < 0.051 \
                and (found[5], found[6]) == (("<", "80") if found[1] == "▲ grew" else (">", "98")):
            return []
    return [f"the monitor: {said} and not {change}, {bound}"]


def under_pressure(browser, source, folder):
    """Pressure that begins is on the page within some seconds, with what was done about it."""
    problems = []

    def wait_for(what, *patterns):
        for _ in range(12):
            said = browser.ask("[document.getElementById('pressure').dataset.level, "
                               "document.getElementById('pressure').textContent, "
                               "document.getElementById('events').textContent].join('|')").replace("\u00a0", " ")
            if all(re.search(p, said) for p in patterns):
                return
            browser.rest(0.5)
        problems.append(f"the page does not tell of {what}: {said[:300]}")

    wait_for("calm", r"^none\|Memory pressure: noneNo trim so far\.", r"some tasks waited 0\.3 % \(trims from 10 %\)")
    source.be(12.5, 0.5)
    wait_for("some pressure", r"^some\|Memory pressure: some *Trimmed [\d.]+ (B|KiB|MiB) \d s ago\.",
             r"some tasks waited 12\.5 % .*all tasks 0\.5 %", r"memory pressure, some: all pools trimmed")
    for name, view in (("pressure-light", (1280, 900, "light")), ("pressure-phone", (360, 800, "dark", True))):
        browser.view(*view)
        browser.rest(0.5)
        browser.ask(WATCH)
        browser.rest(2.5)
        problems.extend(f"{name}: {p}" for p in browser.ask(CHECKS))
        browser.picture(f"{folder}/{name}.png", whole=True)
    source.be(60, 30)
    wait_for("full pressure", r"^full\|Memory pressure: full", r"memory pressure, full")
    source.be(0, 0)
    wait_for("the end", r"^none\|Memory pressure: none *Trimmed ", r"memory pressure is over")
    os.remove(source.path)
    wait_for("no source", r"^absent\|Memory pressure: not available on this system", r"can't be read")
    return problems


if __name__ == "__main__":
    main()
