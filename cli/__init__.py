"""The `mi` command: one thin file per subcommand. A command parses, calls one function and prints."""
