"""The recorded sites: they answer with the very bytes that real sites once sent.

Order of reading: `recording` (what is played), `body` (what follows a head that was recorded alone), `request` (what
was asked), `replay` (who answers), `admin` (what operators see).
"""
