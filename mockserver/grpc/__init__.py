"""The gRPC face: binary messages over HTTP/2, by the same dispatcher. It needs the extra `grpc`."""
