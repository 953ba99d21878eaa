"""The page that shows what a run has done."""
