"""Ways in: each takes any ASGI app and knows no resource."""
