"""What can be said: findings, and the record of each rule."""
