"""The customer's side: API, pages, delivery. Knows Rasa only by its HTTP channel."""
