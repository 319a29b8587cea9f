"""The shared parts of all benches: rounds, machine, processes, servers, peers, figures, report, chart."""
