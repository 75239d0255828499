"""What runs, asked of real control planes and servers."""
