"""`test RELEASE`: a release in a cluster, from its own tests to what the backend says of it."""
