"""The trio part: sockets, clocks, tasks. It knows bytes and deadlines and decides nothing."""
