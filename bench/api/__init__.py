"""The HTTP API of one process on one core, measured. python -m bench.api --help."""
