"""Codes made elsewhere -> runs -> scores."""
