"""Tables -> verdicts."""
