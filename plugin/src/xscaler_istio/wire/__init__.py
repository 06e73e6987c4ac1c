"""How pushes and answers look."""
