"""The lab on several machines: the services of compose.yaml, deployed to a Docker Swarm. Start at `swarm`."""
