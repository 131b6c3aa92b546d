"""The command line: parses what was typed, calls one use case, renders its answer. No decisions."""
