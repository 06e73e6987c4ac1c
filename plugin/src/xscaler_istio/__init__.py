"""Validate, render, lint and test the xscaler-istio Helm chart."""

__version__ = "0.1.0"
