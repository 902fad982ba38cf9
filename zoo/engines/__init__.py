"""What a framework promises, the two that keep the promise, and how one is chosen."""
