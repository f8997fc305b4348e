"""Sign-in of operators at an OpenID Connect provider (authorization code, PKCE, state and nonce)."""
