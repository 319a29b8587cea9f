"""asynclab: what other tests import."""
