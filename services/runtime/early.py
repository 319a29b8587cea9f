"""^C while a program's other imports run: exit 130, and no traceback of a module that was half imported.

Importing this is what does it, so only a file that is a program imports it, and first. `main_of` takes over.
"""

from services.runtime.interrupts import leave_at_interrupt

leave_at_interrupt()
