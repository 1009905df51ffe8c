"""The networks, in torch, and loading of stored ones."""
