"""What training loops use: a bound on what their clips hold, and the next clips read ahead."""
