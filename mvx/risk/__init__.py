"""Whether orders may be committed, judged on everything that could still happen."""
