"""`doctor`: a cluster before an installation, read into typed objects and judged by the rules XS4.. ."""
