"""Speed, memory and known answers, measured by hand: `python -m benchmarks.<name>` from the root.

What they printed, with date and processor, is in README.md.
"""
