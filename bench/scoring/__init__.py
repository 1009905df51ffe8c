"""Codes -> scores. No torch."""
