"""The gRPC face: binary messages over HTTP/2, by the same dispatcher. It needs the extra `grpc`."""

THREAD_NAMES = "mockserver-grpc"
"""How the names of the threads begin in which the server answers calls."""
