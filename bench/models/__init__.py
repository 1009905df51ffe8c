"""The networks, in torch, and stored ones loaded."""
