"""What the benches of the whole service share: a fast fake gateway, a server, its usage."""
