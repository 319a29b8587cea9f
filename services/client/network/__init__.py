"""How the client reaches servers: names, aiohttp's sessions, and a lab that stands elsewhere."""
