"""The programs inside the clients' containers of a chaos run: attacks, the healthy client, surveys."""
