"""Facts about a cluster; the rules that judge them are in checks/."""
