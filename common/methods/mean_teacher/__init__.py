"""Mean teacher: agree with the average of one's own past under noise."""
