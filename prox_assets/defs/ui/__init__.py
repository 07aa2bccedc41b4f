"""What the UI shows of runs and materializations."""
