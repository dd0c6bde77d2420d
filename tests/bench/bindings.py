"""The same two lines as the other languages: the nanoseconds of a call without I/O, and the MiB/s of a blob read to its end."""

import sys
import time

import ocireg

CALLS = 20_000
begun = time.perf_counter_ns()
for _ in range(CALLS):
    ocireg.Reference("quay.io/prometheus/busybox:latest")
print(f"parse {(time.perf_counter_ns() - begun) // CALLS}")

space = bytearray(1 << 18)
size = 0
begun = time.perf_counter_ns()
with ocireg.Client(plain_http=True).open_blob(sys.argv[1]) as reader:
    while count := reader.readinto(space):
        size += count
print(f"read {size / (1 << 20) / ((time.perf_counter_ns() - begun) / 1e9):.1f}")
