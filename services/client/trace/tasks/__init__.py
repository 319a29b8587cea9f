"""How the tasks of a loop are recorded: what is done at each of their awaits, and what is found out later.

Order of reading: `recorded` (a coroutine that notes when it runs), `waits` and `places` (what it then waits for),
`track` and `tracks` (where that is kept), `task_factory`, `notes` (all else that is noted), `held_loop`.
"""
