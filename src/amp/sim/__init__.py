"""The simulated fleet that tests, bench and the example configuration run."""
