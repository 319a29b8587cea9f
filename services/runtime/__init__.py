"""The parts that all programs share; nothing here imports a service.

A program begins and ends with `cli` and `run`. `settings` reads its environment; `terminal` and `logs` are its output;
`tasks` runs work in the background; `process` knows its limits. `serving` opens ports and limits what connections cost.
`files` opens and makes files. `http`, `playable` and `untrusted` check host names, recordings, JSON and TOML.
"""
