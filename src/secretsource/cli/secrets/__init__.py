"""The commands on secrets and their providers; one file for each verb."""
