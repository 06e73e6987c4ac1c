"""The machine that the plugin runs on: programs, packages, folders, the terminal, errors."""
