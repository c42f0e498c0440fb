"""Floor 3: the questions (suite files, tasks, inputs) and the form of the answer (plan, record, estimate)."""
