"""The Asterisk manager interface (AMI), both roles, without I/O."""
