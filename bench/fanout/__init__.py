"""One publish to many devices, measured beside other senders. python -m bench.fanout --help."""
