"""The nouns and decisions of the loop: volumes, labels, ledger, iterations, metrics, ranking, gate."""
