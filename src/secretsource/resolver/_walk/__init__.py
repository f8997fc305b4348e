"""One walk down the chain: which provider is asked, what its answer means, and how old it may be."""
