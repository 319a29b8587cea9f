"""Errors that end a program: one root class, and for each error one line of text and an exit code."""

import errno


class ProgramError(Exception):
    """Its text is one line that says what is wrong and what to do; `exit_code` is documented in the README."""

    exit_code = 2


class BadSetting(ProgramError):
    """An environment variable or an option has a value that it cannot have."""

    def __init__(self, name: str, value: str, expected: str) -> None:
        super().__init__(f"{name}={value[:80]!r} is not {expected}: correct it or leave it out")
        self.name, self.value, self.expected = name, value, expected


class TooLittleMemory(ProgramError):
    """A setting asks for more memory than the program may have."""

    def __init__(self, name: str, value: int, *, need_bytes: int, have_bytes: int, most: int) -> None:
        need_mib, have_mib = need_bytes >> 20, have_bytes >> 20
        super().__init__(f"{name}={value} needs about {need_mib:,} MiB, and there are {have_mib:,} MiB: at most {most}")
        self.name, self.value, self.need_bytes, self.have_bytes, self.most = name, value, need_bytes, have_bytes, most


class LoopMissing(ProgramError):
    """The package of the chosen event loop is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the {name} loop is not installed here: install it, or use --loop asyncio")
        self.name = name


class PortUnavailable(ProgramError):
    """A program cannot listen on an address."""

    def __init__(
        self, host: str, port: int, reason: str, *, remedy: str = "stop what holds it or choose another port"
    ) -> None:
        super().__init__(f"cannot listen on {host}:{port} ({reason}): {remedy}")
        self.host, self.port, self.reason = host, port, reason


class InputUnreadable(ProgramError):
    """A file that the command line names cannot be read."""

    exit_code = 3

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"cannot read {name[:200]!r}: {reason}")
        self.name, self.reason = name, reason


class OutputClosed(ProgramError):
    """The reader of the output has ended, as in `| head`: the program ends too, without a word and with exit code 0."""

    exit_code = 0


class OutputFailed(ProgramError):
    """Output cannot be written, as on a full disk."""

    exit_code = 3

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"cannot write to {where}: {reason}")
        self.where, self.reason = where, reason


MORE_ROOM = "raise the limits of this shell (ulimit -u, ulimit -v) or of the container, or ask for less at once"


class NoThread(ProgramError):
    """The machine allows this program no more threads, or no memory for one."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(f"this machine allows no more threads, or has no memory for one: {MORE_ROOM}")


class NoFile(ProgramError):
    """The machine allows this program no more open files; connections count as such."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(
            "this machine allows this program no more open files: raise the limit of this shell (ulimit -n) "
            "or of the container"
        )


def lacks_files(error: BaseException) -> bool:
    """Return whether an error means that the machine allows this program no more open files."""
    return isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}


# What the dynamic linker says of a library that there is no memory for: to Python that is an ImportError.
NO_ROOM_TO_LOAD = ("failed to map segment", "annot allocate memory", "cannot map zero-fill pages")


def lacks_memory(error: Exception) -> bool:
    """Return whether an error means that the machine gives this program no more memory."""
    if isinstance(error, ImportError):
        return any(words in str(error) for words in NO_ROOM_TO_LOAD)
    return isinstance(error, MemoryError)


class OutOfMemory(ProgramError):
    """The machine gives this program no more memory."""

    exit_code = 3

    def __init__(self) -> None:
        super().__init__(f"this machine has no more memory for this program: {MORE_ROOM}")
