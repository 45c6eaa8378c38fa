"""A way out to a few addresses, for processes that have none: bytes in, bytes on.

Run by path with `python -I -S`, so it imports the standard library only: `passage.py` and for
each way SOCKET HOST PORT. It listens on the Unix socket and passes whatever comes to that
address of that port, and to no other. It holds no key, sees no database, and what it passes
(checkpoints of the log) is public by nature.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys

TOGETHER = 8  # connections through one way
PATIENCE = 60.0  # seconds for a whole connection
CONNECT = 10.0  # seconds
BLOCK = 64 * 1024  # bytes


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Pass bytes on until there are no more."""
    while data := await source.read(BLOCK):
        target.write(data)
        await target.drain()
    if target.can_write_eof():
        target.write_eof()


class Way:
    """From one Unix socket to one address."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._open = asyncio.Semaphore(TOGETHER)

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        with contextlib.suppress(OSError, TimeoutError):
            async with self._open, asyncio.timeout(PATIENCE):
                await self._pass_on(reader, writer)
        writer.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async with asyncio.timeout(CONNECT):
            there, back = await asyncio.open_connection(self._host, self._port)
        try:
            onwards = asyncio.create_task(pump(reader, back))
            await pump(there, writer)
            onwards.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await onwards
        finally:
            back.close()


async def serve(ways: list[tuple[str, str, int]]) -> None:
    """Listen on every socket until SIGTERM."""
    os.umask(0o177)
    servers = []
    for path, host, port in ways:
        servers.append(await asyncio.start_unix_server(Way(host, port), path))
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await stop.wait()
    for server in servers:
        server.close()


def main() -> None:
    """Take the arguments above."""
    given = sys.argv[1:]
    ways = [
        (given[at], given[at + 1], int(given[at + 2])) for at in range(0, len(given) - 2, 3)
    ]
    asyncio.run(serve(ways))


if __name__ == "__main__":
    main()
