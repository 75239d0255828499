"""Real servers as processes of a test's own, on loopback; started for the test and ended by pid after it."""
