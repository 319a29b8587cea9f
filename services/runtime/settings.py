"""Reading the environment: each variable is parsed once into a value of its type.

Only `settings` modules use this. A wrong value raises BadSetting, which ends the program with one line. The names that
options, environment and results share are here, too.
"""

import os
import re
from collections.abc import Mapping

from services.runtime.errors import BadSetting

TYPE_CHECKING = False  # typing's own takes as long to import as argparse
if TYPE_CHECKING:
    from pathlib import Path

LOOPS = ("asyncio", "uvloop")
VERSION = "0.1.0"  # as in pyproject.toml, which no container has
LOG_FORMATS = ("text", "json")

LABEL = r"[a-z0-9_-]{1,63}"
ORIGIN = rf"(?i:https?://(?:{LABEL}(?:\.{LABEL})*\.?|\[([0-9a-f:.]+)])(?::([0-9]{{1,5}}))?/?)"


class Environment:
    """Environment variables, read by the type of their value. Each method but `text` and `path` raises BadSetting."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables

    def text(self, name: str, default: str) -> str:
        """Return the variable; an empty one counts as unset, as Compose passes it."""
        return self._variables.get(name) or default

    def path(self, name: str) -> "Path | None":
        """Return the path of a file or a directory; None where the variable is unset."""
        from pathlib import Path

        text = self.text(name, "")
        return Path(text) if text else None

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        """Return a number from `least` to `most`."""
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise BadSetting(name, text, f"a number from {least:g} to {most:g}")
        return value

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        """Return a whole number from `least` to `most`."""
        value = self.number(name, default, least=least, most=most)
        if value != int(value):
            raise BadSetting(name, self.text(name, str(default)), f"a whole number from {least} to {most}")
        return int(value)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of `choices`; the first where the variable is unset."""
        value = self.text(name, choices[0])
        if value not in choices:
            raise BadSetting(name, value, f"one of {', '.join(choices)}")
        return value

    def port(self, name: str, default: int) -> int:
        """Return a TCP port; 0 lets the system choose."""
        return self.whole(name, default, least=0, most=65535)

    def origin(self, name: str, default: str) -> str:
        """Return a server's http or https URL, which ends with its host or port."""
        from services.runtime.http import is_ip_address

        text = self.text(name, default)
        found = re.fullmatch(ORIGIN, text)
        if not found or (found[1] and not (":" in found[1] and is_ip_address(found[1]))) or int(found[2] or 0) > 65535:
            raise BadSetting(name, text, "a server's URL, as http://hello:8000")
        return text

    def names(self, name: str) -> tuple[str, ...]:
        """Return the host names and addresses that the variable lists, with spaces or commas between them."""
        from services.runtime.http import HOST_NAME, is_ip_address

        text = self.text(name, "")
        listed = text.lower().replace(",", " ").split()
        for each in listed:
            address = each[1:-1] if each.startswith("[") and each.endswith("]") else each
            if not (is_ip_address(address) or HOST_NAME.fullmatch(each)):
                raise BadSetting(name, text, "a list of host names and addresses, as tasks.hello 192.0.2.7")
        return tuple(listed)

    def pairs(self, name: str) -> dict[str, str]:
        """Return what `HOST=SERVICE HOST=SERVICE` says, by host; a host alone has a service of its own name."""
        from services.runtime.http import HOST_NAME

        text = self.text(name, "")
        pairs = {}
        for each in text.lower().replace(",", " ").split():
            host, _, service = each.partition("=")
            pairs[host] = service or host
            if not all(map(HOST_NAME.fullmatch, (host, pairs[host]))):
                raise BadSetting(
                    name, text, "a list of hosts and their services, as www.163.com=netease a.test=recorded"
                )
        return pairs

    def memory_bytes(self, name: str, *, least_bytes: int) -> int:
        """Return how much memory the program may use; the variable has it in MiB, and without it the system decides."""
        from services.runtime.process import MEMORY_BYTES, MIB

        if not self.text(name, ""):
            return max(least_bytes, MEMORY_BYTES)
        return MIB * self.whole(name, 0, least=least_bytes // MIB, most=1 << 20)

    def loop(self) -> str:
        """Return LAB_LOOP."""
        return self.choice("LAB_LOOP", LOOPS)

    def log_format(self) -> str:
        """Return LAB_LOG."""
        return self.choice("LAB_LOG", LOG_FORMATS)
