"""What stands around an edition: `run` (stops, errors, progress), `results` and `outcome` (output), and `ladder`."""
