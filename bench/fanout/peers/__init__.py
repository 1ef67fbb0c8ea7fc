"""Programs that send what Heliograph sends: one for each peer. Each does one job and ends."""
