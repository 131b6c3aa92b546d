"""The words of the trade and the arithmetic on them: pure, standard library only."""
