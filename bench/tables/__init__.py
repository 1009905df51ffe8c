"""An output folder -> pandas."""
