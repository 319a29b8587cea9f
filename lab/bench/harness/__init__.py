"""What every bench shares: rounds, machine, processes, servers, peers, figures, report, chart."""
