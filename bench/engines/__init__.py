"""Engines: where tasks run. `local` is this machine."""
