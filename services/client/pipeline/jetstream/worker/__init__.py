"""A worker: `command` (`client worker`), `serve` (it follows runs), `run_worker` (its part in one run), `job`."""
