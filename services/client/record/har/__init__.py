"""Recordings from a HAR 1.2 file, which a browser's network panel saves: http://www.softwareishard.com/blog/har-12-spec/

A HAR file holds what a browser made of responses, not their bytes: bodies are decoded, and heads of HTTP/2 have no
status line. So a head is made that fits the body. All of the file is untrusted.

Order of reading: `document` (the entries of a file), `entry` (an entry as a recorded response), `head` and `content`
(its two parts), `groups` (the answers to one request), `command`.
"""
