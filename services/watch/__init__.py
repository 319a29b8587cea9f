"""The lab in the browser: a page that runs the client's programs, and shows the sites and services of a lab.

`server` puts the parts together: `runs` has the programs that a page starts, `lab` what is asked of the lab, `events`
what pages are told as it happens. The page itself is in `page/`. The client runs as a program of its own.
"""
