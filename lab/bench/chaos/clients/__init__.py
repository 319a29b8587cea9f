"""What runs inside the clients' containers of a chaos run: attacks, honest clients, surveys."""
