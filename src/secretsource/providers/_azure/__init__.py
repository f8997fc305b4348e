"""The parts of the driver of Azure Key Vault."""
