"""The recorded sites: they answer with the very bytes that real sites once sent, or with faults placed to the byte.

Order of reading: `http` (requests, responses, bodies, without I/O), `faults` (what can go wrong, and when), `replay`
(the recordings), `states_and_deadlines` (of a connection), `host` (what one answers with, and its plan),
`site` (all hosts, and what connections share), `plays` (responses that come at run time), `connection` (reads requests
and sends answers), `tls` (the same over TLS), `journal` (what every connection sent and got),
`listening` (how connections come), `server` (the whole), `admin` (what operators see and change).
"""
