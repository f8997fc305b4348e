"""The parts of the driver of HashiCorp Vault and OpenBao."""
