"""What runs on a volunteer's computer: standard library only, Python 3.9 and later."""
