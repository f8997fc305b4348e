"""The parts that feeds share: the spelling of news, and listening in a thread."""
