# SPDX-License-Identifier: MIT
"""The strict parser of prometheus_client reads what is written, and refuses it spoilt:
check_openmetrics.py <expositions>. What the parser lets pass, equal label sets, is looked for here.
"""

import re
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse

text = subprocess.run([sys.argv[1], "openmetrics"], check=True, capture_output=True).stdout.decode()
families = list(parse(text))
samples = [s for family in families for s in family.samples]
lines = [line for line in text.splitlines() if not line.startswith("#")]
assert len(families) > 40, len(families)
assert len(samples) == len(lines), (len(samples), len(lines))
seen = set()
for s in samples:
    key = (s.name, tuple(sorted(s.labels.items())))
    assert key not in seen, f"{key} occurs twice"
    seen.add(key)
    assert s.labels["host"] == 'a\\b"c', s.labels
names = {s.labels["pool"] for s in samples}
assert 'a\\b"c\nd\te{f}=,é\ufffd<&>' in names, names
kinds = {family.type for family in families}
assert kinds == {"counter", "gauge", "histogram"}, kinds
assert any(s.name == "tarn_gets_created" for s in samples)
assert any(family.unit == "bytes" for family in families)
for family in families:
    assert family.documentation and family.samples, family.name
    assert (family.unit == "bytes") == family.name.endswith("_bytes"), family.name
histogram = next(family for family in families if family.type == "histogram")
assert any(s.labels.get("le") == "2.097152e+06" for s in histogram.samples)
print(f"{len(families)} families, {len(samples)} samples")


def seen_to_fail(fault, pattern, replacement):
    spoilt = re.sub(pattern, replacement, text, count=1, flags=re.M)
    assert spoilt != text, f"nothing to spoil: {fault}"
    try:
        list(parse(spoilt))
    except ValueError as error:
        print(f"seen: {fault} ({error})")
    else:
        raise AssertionError(f"not seen: {fault}")


seen_to_fail("no end", r"# EOF\n", "")
seen_to_fail("an empty line", r"^# TYPE", "\n# TYPE")
seen_to_fail("a comment", r"^# TYPE", "# hello\n# TYPE")
seen_to_fail("a counter without _total", r"^tarn_gets_total", "tarn_gets")
seen_to_fail("_total in the name of a family", r"# TYPE tarn_gets ", "# TYPE tarn_gets_total ")
seen_to_fail("a unit that is not in the name", r"# UNIT tarn_slab_bytes bytes",
             "# UNIT tarn_slab_bytes seconds")
seen_to_fail("no bucket +Inf", r'^tarn_request_size_bytes_bucket.*le="\+Inf".*\n', "")
seen_to_fail("a count that is not that of +Inf", r"^(tarn_request_size_bytes_count\S* ).*", r"\g<1>7")
seen_to_fail("buckets out of order", r'le="64.0"', 'le="8.0"')
seen_to_fail("a family cut in two", r"^# TYPE tarn_puts counter",
             "# TYPE tarn_gets counter\n# TYPE tarn_puts counter")
seen_to_fail("a negative counter", r"^(tarn_gets_total\{.*\}) ", r"\1 -")
seen_to_fail("a label value without an end", r'pool="frames"', 'pool="frames')
