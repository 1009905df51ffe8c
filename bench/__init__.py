"""Train a grid of VAEs, score and compare them: `python -m bench.run grid.yaml`."""
