"""What can be judged of values that Helm accepts, of the objects that come of them, and of a cluster: one module a
family.

A check is a pure function of a `Case` (or of one rendered object, or of an `Examination`) that yields issues; its
docstring documents the rule.
"""
