"""From a call to its answer, whatever the transport: routes, the order of checks, fault injection, diagnostics."""
