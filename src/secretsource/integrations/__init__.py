"""Edges: the check of a key in front of web applications, one thin file for each kind; none imports a framework."""
