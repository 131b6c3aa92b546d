"""The paper exchange over HTTP, in the dialects of real venues."""
