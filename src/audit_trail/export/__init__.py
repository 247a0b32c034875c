"""What a query shows as a file: JSON Lines, CSV or Parquet, and a manifest that tells what it is."""
