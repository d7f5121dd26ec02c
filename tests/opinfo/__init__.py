"""PyTorch's own database of operators (OpInfo, which comes with its wheel) as an oracle for ours.

    python -m tests.opinfo                          # every entry and check, with the rates
    python -m tests.opinfo -k linalg --samples all  # the entries whose name has "linalg", all their samples

`entries.py` translates an entry into a call of ours, `checks.py` says what must agree, `gaps.py` what does not yet.
"""
