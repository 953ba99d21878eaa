"""The wiring: configuration, steps, Prefect flows, report and command line."""

from flows.environment import apply_environment

apply_environment()  # before any library that reads it is imported
