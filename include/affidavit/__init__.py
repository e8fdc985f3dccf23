"""Affidavit: evidence about AI systems that an auditor can check without trusting whoever runs them."""

__version__ = "0.1.0"
