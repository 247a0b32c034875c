"""What an entry is and says: pure values and functions, without clock or IO."""
