"""What the drivers of AWS share: the client, the meaning of its errors, and the provider that both are."""
