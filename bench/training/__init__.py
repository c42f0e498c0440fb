"""Training: one trainer for every model, which a kill at any moment does not change. `train.train` is its door."""
