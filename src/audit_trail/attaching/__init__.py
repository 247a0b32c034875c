"""Attaching to an application that knows nothing of us: its watch list in a file that people edit."""
