"""`client trace`: any asyncio program of a person is run as Python runs it, and recorded.

Order of reading: `command`, `script` (how a program is run), `loops` (how its event loops come to be recorded).
"""
