"""What the tests stand on, and what they check the library against: nothing in here uses it."""
