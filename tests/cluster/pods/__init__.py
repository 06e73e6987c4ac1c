"""Programs of pods that the tests run in a cluster; they import the plugin and nothing of the tests."""
