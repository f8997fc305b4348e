"""The ground that everything stands on: clocks, forks, flows and listeners; it knows nothing of secrets and keys."""
