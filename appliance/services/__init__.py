"""What `up` finds or starts: the database, the broker, and the appliance's processes."""
