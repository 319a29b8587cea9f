"""The recorded sites: they answer with the very bytes that real sites once sent, or with faults placed to the byte.

Order of reading: `recording` and `sidecar` (what is played; `services.runtime.playable` judges what can be),
`body` (what follows a head that was recorded alone), `catalogue` (the directory of them), `request` (what was asked),
`faults` (what can go wrong, and when), `performer` and `connection` (who answers), `secure`, `authority` and
`certificates` (the same over TLS), `journal` (what is remembered), `site`, `doors` and `running` (the whole), `admin`
(what operators see and change).
"""
