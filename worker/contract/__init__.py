"""What is assumed of Stamped.io's API, and the trial that shows on a real store which of it holds.

Nothing public proves the names of a write, how a list is searched, or the bodies of the survey calls. The trial does to
one test customer what the worker does to customers, and judges the answers as they came.
"""
