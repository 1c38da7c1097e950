"""From a question to what it wants, the companies it names and a ranking of clauses and gaps. No Rasa in here."""
