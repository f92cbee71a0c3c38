"""The dashboard: pages for people, over the same operations that programs use."""
