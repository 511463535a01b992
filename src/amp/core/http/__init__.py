"""HTTP without sockets: requests and answers as values, who may ask from where, routes, credentials."""
