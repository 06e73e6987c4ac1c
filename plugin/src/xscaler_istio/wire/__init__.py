"""The formats of pushes and answers."""
