"""The little that every program here shares. It imports no service.

`cli` and `run` begin and end a program, `settings` reads its environment, `terminal` writes for people, `tasks` runs
what goes on beside the work, `process` says what this process may use. `serving` opens ports and bounds what peers may
cost; `files` opens and makes files with care. `http`, `playable` and `untrusted` say what may be a host name, a
recording, JSON or TOML.
"""
