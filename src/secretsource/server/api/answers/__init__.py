"""The forms of the answers, for the document of the API; `secretsource.issuing.documents` writes the answers."""
