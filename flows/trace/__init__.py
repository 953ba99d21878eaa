"""From a membrane probability to axons, stage by stage."""
