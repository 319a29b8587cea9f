"""Looking a name up without waiting for the ones that hang.

`getaddrinfo` blocks for as long as the resolver likes and cannot be stopped. asyncio's own look-ups share a pool
that a few hanging names can fill, and that the interpreter waits for at its end. Here each look-up has a daemon thread:
it delays nobody else, neither while the program runs nor when it ends.
"""

import asyncio
import socket
import threading

MOST_AT_ONCE = 64
_places = threading.BoundedSemaphore(MOST_AT_ONCE)


async def look_up(host: str, port: int) -> tuple[str, int]:
    """Return the first address of a name. Raises socket.gaierror where it has none."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[str, int]] = loop.create_future()

    def tell(result: tuple[str, int] | OSError) -> None:
        if found.done():
            return
        if isinstance(result, OSError):
            found.set_exception(result)
        else:
            found.set_result(result)

    def ask() -> None:
        with _places:
            try:
                result: tuple[str, int] | OSError = _first_address(host, port)
            except OSError as error:
                result = error
            except UnicodeError:
                result = socket.gaierror(socket.EAI_NONAME, "not a host name")
        try:
            loop.call_soon_threadsafe(tell, result)
        except RuntimeError:
            return  # the loop has gone: nobody waits any more

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    return await found


def _first_address(host: str, port: int) -> tuple[str, int]:
    address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
    return str(address[0]), int(address[1])
