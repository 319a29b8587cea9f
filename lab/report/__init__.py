"""`lab report`: recordings as one page of HTML.

Order of reading: `cli` (the command), `scenes` (the tutorial's story: what is run, and what is said of it), `recording`
(how each is run and recorded), `blocking_call` (the program of one of them).
"""
