"""`helm xscaler test`: two commands behind one name, of a release in a cluster and of values on this machine."""
