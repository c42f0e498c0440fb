"""Floor 5: the harness: planning, isolation, the probes that measure, the store, and the ``vio-bench`` command."""
