"""The control room: what runs on the host, around the services. Start reading at `lab.cli`."""
