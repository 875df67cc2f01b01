"""What the next run would do with the files as they are now: the run itself, rolled back, and what it found."""
