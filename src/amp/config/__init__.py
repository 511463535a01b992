"""Configuration: TOML into frozen classes, all errors at once."""
