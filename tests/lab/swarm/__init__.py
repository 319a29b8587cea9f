"""The lab on a Swarm, with recorded answers of Docker."""
