"""The command line: one verb a file, nothing heavy imported before a verb runs."""
