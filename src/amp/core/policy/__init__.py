"""What a user may see and do: rights, event filters, shut doors."""
