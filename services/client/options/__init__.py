"""Every command and option of the client, each declared once: this is what `--help` needs, and all that it imports.

`commands` is the table of commands, `wget` and `programs` declare their options, `bounds` those that several commands
have, and `values` reads what an option is given. The options of `faults` and `journal` are in `services.client.admin`.
"""
