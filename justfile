python := ".venv/bin/python"

# list the recipes
default:
    @just --list

# make the virtual environment with the development tools
setup:
    python3 -m venv .venv
    {{python}} -m pip install -e '.[dev]'

# linters and types, as CI runs them
check:
    {{python}} -m ruff check .
    {{python}} -m ruff format --check .
    {{python}} -m mypy

# all tests; those against a real Asterisk are skipped until `just asterisk` has been run
test *args:
    {{python}} -m pytest {{args}}

# install the sshd and the MariaDB that tests/real start for themselves (needs root)
services:
    bash tests/real/services.sh

# provision the real Asterisk of tests/real (needs root, about 90 s once)
asterisk:
    bash tests/real/provision.sh

# benchmarks: smoke, all, or one of those that `just bench --help` lists
bench *args="smoke":
    {{python}} -m bench {{args}}

# amp with a small simulated fleet
demo:
    .venv/bin/amp run config.toml.example
