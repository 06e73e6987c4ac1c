"""`test RELEASE`: the test of an installed release, from its own tests to the data at xScaler."""
