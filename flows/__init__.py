"""The wiring: configuration, steps, Prefect flows, report and command line."""
