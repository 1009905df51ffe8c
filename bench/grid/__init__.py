"""What is asked for: plain frozen values. Nothing is drawn or trained here."""
