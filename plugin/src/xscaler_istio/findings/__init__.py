"""Findings, rules and ignores as data."""
