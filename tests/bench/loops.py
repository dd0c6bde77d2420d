"""loops.py REFERENCE HOW COUNT: what asyncio's loop feels of COUNT downloads of a blob at once: HOW is jobs (ocireg.aio), or threads
(ocireg, by asyncio.to_thread). Prints the longest time between two turns of the loop, which should be 5 ms, and the most threads."""

import asyncio
import concurrent.futures
import os
import sys
import time

import ocireg
from ocireg.aio import AsyncClient

reference, how, count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def threads() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("Threads:"))


async def watch(seen: list[float]) -> None:
    last = time.monotonic()
    while True:
        await asyncio.sleep(0.005)
        now = time.monotonic()
        seen[:] = [max(seen[0], now - last), max(seen[1], threads())]
        last = now


async def main() -> None:
    seen = [0.0, 0]
    asyncio.get_running_loop().set_default_executor(concurrent.futures.ThreadPoolExecutor(count))
    watcher = asyncio.ensure_future(watch(seen))
    begun = time.monotonic()
    nowhere = os.open("/dev/null", os.O_WRONLY)
    if how == "jobs":
        async with AsyncClient(plain_http=True) as client:
            ended = await asyncio.gather(*(client.blob_to_file(reference, nowhere) for _ in range(count)), return_exceptions=True)
    else:
        plain = ocireg.Client(plain_http=True)
        ended = await asyncio.gather(*(asyncio.to_thread(plain.blob_to_file, reference, nowhere) for _ in range(count)), return_exceptions=True)
    watcher.cancel()
    failed = sum(isinstance(one, BaseException) for one in ended)
    print(f"asyncio, {how:<8} {count:4} downloads: {(time.monotonic() - begun) * 1e3:7.0f} ms, longest time between two turns"
          f" {seen[0] * 1e3:6.1f} ms, {seen[1]:4} threads, {failed} failures")


asyncio.run(main())
