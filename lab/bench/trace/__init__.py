"""`lab bench trace`: what recording costs, beside other ways to see the same, and how the page draws what was recorded.

Order of reading: `result` (the parts together), `awaits` and `surveys` (what is recorded), `clocked` (the ceiling of
both), `page` (what is drawn). `traced_awaits` and `clocked_client` are the programs of turns.
"""
