"""How messages reach Rasa and how their events are kept."""
