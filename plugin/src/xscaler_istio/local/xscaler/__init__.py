"""A local xScaler: a gateway that enforces its rules in front of a real metrics backend."""
