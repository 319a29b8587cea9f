"""The lab in containers: Docker Compose, driven with deadlines. Start reading at `stack`."""
