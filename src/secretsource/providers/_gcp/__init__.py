"""The parts of the driver of GCP Secret Manager."""
