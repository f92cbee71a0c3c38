"""What happens, given facts and `now`. Pure: no clock, no I/O, no wire words."""
