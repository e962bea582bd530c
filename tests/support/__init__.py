"""What tests share: a real repository, an agent that follows a script, an oracle of every byte."""
