"""Measures amp against a floor on this machine: ``python -m bench smoke|fanout|reqresp|memory``.

Not part of the installed package. What is measured and how to read it: docs/performance.md.
"""
