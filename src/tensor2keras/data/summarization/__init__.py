"""Summarization problems."""
