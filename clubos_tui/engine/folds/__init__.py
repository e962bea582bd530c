"""What each event does to the state of a run, by what it is about."""
