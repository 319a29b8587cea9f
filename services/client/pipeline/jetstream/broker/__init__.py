"""What is asked of a broker: `streams` (names and limits), `publisher` and `pull` (messages to and from it).

Below these are `requests` (many at once, each answered), `connection` and `errors`.
"""
