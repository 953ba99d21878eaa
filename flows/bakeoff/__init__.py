"""The loop simulated on a labelled volume with every query strategy."""
