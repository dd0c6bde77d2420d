#!/usr/bin/env python3
"""counter.py FOLDER HOST:PORT…: a proxy before each address that counts requests. Writes the proxies' addresses to FOLDER/addresses, and
how many requests there were so far, all together, to FOLDER/count whenever it changes."""

import asyncio
import pathlib
import re
import sys

REQUEST = re.compile(rb"(?:^|\n)(?:GET|HEAD|POST|PUT|PATCH|DELETE) /[^ \r\n]* HTTP/1\.1\r\n")
folder = pathlib.Path(sys.argv[1])
count = 0


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counts: bool) -> None:
    global count
    rest = b""
    try:
        while piece := await reader.read(65536):
            if counts:
                # A request line may come in two pieces.
                text = rest + piece
                ends = [found.end() for found in REQUEST.finditer(text)]
                count += len(ends)
                rest = text[(ends[-1] - 1 if ends else 0) :][-4096:]
                (folder / "count").write_text(str(count))
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def serve(address: str) -> asyncio.Server:
    host, port = address.rsplit(":", 1)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, there[1], True), pass_on(there[0], writer, False))

    return await asyncio.start_server(accept, "127.0.0.1", 0)


async def main() -> None:
    servers = [await serve(address) for address in sys.argv[2:]]
    (folder / "count").write_text("0")
    names = [f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
    partial = folder / "addresses.partial"
    partial.write_text(" ".join(names) + "\n")
    partial.rename(folder / "addresses")
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
