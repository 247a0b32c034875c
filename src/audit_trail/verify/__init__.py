"""Offline verdicts on evidence files (docs/spec/evidence-1.md); it knows no trail, store or clock."""
