"""What a user wrote, where, and against which schema."""
