"""What a release is made of and how it is published; docs/releasing.md says when and by whom."""
