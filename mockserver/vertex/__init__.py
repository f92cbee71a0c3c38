"""Vertex AI, {region}-aiplatform.googleapis.com: a file for each resource."""
