"""The rules for values that Helm accepts, for rendered objects and for a cluster: one module for each family.

A check is a pure function of a `Case`, of one rendered object or of an `Examination`. It yields issues; its docstring
documents the rule.
"""
