"""The Developer API, generativelanguage.googleapis.com: a file for each resource."""
