"""`mockserver check-dataset`: what a service would say of a file of training data, without any server."""
