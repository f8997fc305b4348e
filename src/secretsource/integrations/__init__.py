"""Edges: the check of a key before a web application, one thin file for each kind; none imports a framework."""
