"""Rasa graph components around `madoguchi.text` and `madoguchi.understanding`."""
