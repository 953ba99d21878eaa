"""The human side: an embedded Label Studio, its tasks, and the corrections that come back."""
