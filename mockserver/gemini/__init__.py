"""The Developer API surface, generativelanguage.googleapis.com: a file a resource."""
