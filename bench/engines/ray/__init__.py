"""Run tasks on a Ray cluster."""
