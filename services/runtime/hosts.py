"""What a host's name may be, for all who record it or play it: it is part of a file's name, and of a certificate."""

import re

HOST_NAME = re.compile(r"(?!.*\.\.)[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")
