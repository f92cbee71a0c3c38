"""The dispatcher, which knows no transport: routes, the order of checks, fault injection, diagnostics."""
