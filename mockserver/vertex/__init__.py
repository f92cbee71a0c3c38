"""The Vertex AI surface, {region}-aiplatform.googleapis.com: a file a resource."""
