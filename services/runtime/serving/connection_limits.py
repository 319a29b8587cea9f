"""How much memory the connections of an aiohttp application may cost, and how many are accepted beyond that."""

KIB = 1024
PROCESS_BYTES = 48 * KIB * KIB  # the program with its libraries

CONNECTION_BYTES = 32 * KIB  # an open connection: aiohttp's objects, those of one request, and FREE_BYTES
FREE_BYTES = 4 * KIB  # of a request, before more is charged
SPARE_CONNECTIONS = 64  # for the health check on this machine, however full the pool is

MAX_HEAD_BYTES = 32 * KIB
HEAD_COPIES = 3  # an incomplete head, as aiohttp's parser holds it, and what the allocator cannot give back

MAX_BODY_BYTES = 1024 * KIB  # aiohttp's own limit: an application that allows more has to be charged for it
BODY_COPIES = 4  # the pieces of a body, the whole of it, and what the application makes of it
LINGER_BYTES = 64 * KIB  # of a body, after the last answer: reading more of it would be work without a use
