"""One file a family; each has a list CASES of rows (see `tests.oracle.case`)."""
