"""The shared parts of the AWS drivers: the client, the meaning of its errors, and the provider that both extend."""
