"""Limits at the entrance: who may connect and sign in, how many, how often, how fast."""
