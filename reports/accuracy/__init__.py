"""What was learnt: a contest a task and size, with intervals and paired tests, for every format."""
