"""The verbs of `ApiKeys` and `AsyncApiKeys`, by their subject."""
