"""Reports of leaked keys from scanners: the endpoint of the partner programme of GitHub's secret scanning."""
