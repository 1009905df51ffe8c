"""A study -> report.html and the tables for a paper."""
