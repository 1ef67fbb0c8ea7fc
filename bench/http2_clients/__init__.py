"""HTTP/2 clients, measured against what the gateways need of one. python -m bench.http2_clients."""
