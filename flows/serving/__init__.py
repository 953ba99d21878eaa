"""A run that Prefect serves for weeks: its server, deployments, triggers, news."""
