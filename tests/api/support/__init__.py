"""What the tests of the program's HTTP interface share."""
