"""The decision world: requests described by eight factors, and a rule that says what to do about each."""
