"""What the library costs, as ratios measured in one run, each beside its limit. See README.md beside this file."""
