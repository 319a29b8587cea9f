"""The embedded lab: the sites, the gateway and a broker on loopback, and the client beside them. No Docker."""
