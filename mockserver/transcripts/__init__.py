"""Recorded exchanges, and the files that hold them: ours and those of other recorders."""
