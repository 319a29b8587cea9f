"""The little that every program here shares.

`command_line` and `run` begin and end a program, `loop` chooses its event loop, `settings` reads its environment,
`serve` opens a port and drains it, `own_names` refuses requests that are meant for another server, `alongside` looks
after what goes on meanwhile, `aside` calls what may block, `logs` and `metrics` tell the world; `hosts` and `playable`
say what a recording's name and its bytes may be.
It imports no service.
"""
