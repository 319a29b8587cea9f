"""Benches: this project measured beside its peers, with the same bytes and the same load, in turns.

A file a bench (`sites`, `wget`, `hello`, `stalled`); `harness/` is what they share. Read `harness/figures` first (what
is measured, and what follows from it), then `harness/rounds`, a bench, and `harness/output`. `baselines/` holds minimal
programs that are measured too. `chaos/` measures nothing: it attacks a lab.
"""
