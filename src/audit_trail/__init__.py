"""The engine: it captures changes, sequences them into entries, and answers from the trail."""
