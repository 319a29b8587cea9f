"""The commands for the admin API of a site: `client faults` and `client journal`.

`options` declares their options, `api` sends the requests, `answers` reads the answers, and `tables` shows them.
"""
