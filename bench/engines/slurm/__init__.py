"""Run tasks as jobs of Slurm."""
