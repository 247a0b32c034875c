"""Keys, the file of signed heads, and the signer that goes by both; it stores no entry."""
