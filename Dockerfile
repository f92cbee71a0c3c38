# A small image that runs as an unprivileged user, with all extras that `serve` and `run` use: gRPC, databases, metrics,
# traces. Nothing is downloaded but what is pinned by a hash: packages by the locks, Python's image by the digest of its
# index, which covers all architectures. Dependabot raises it; both stages have the same.
FROM python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea AS build
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv --without-pip /app \
    && pip --python /app/bin/python install --no-cache-dir --require-hashes --requirement requirements/runtime.txt \
    && python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY mockserver mockserver
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /app/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && mkdir /data

FROM python:3.12-slim@sha256:78387bc3881b8273120a12ebe6c1ab22b018ccc2c9adf565ae1ac9b536e184ea
LABEL org.opencontainers.image.title="gemini-tuning-mockserver" \
      org.opencontainers.image.description="A local mock server for Google's Gemini tuning APIs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
# The one place for what a server is to keep, by MOCKSERVER_DATA_DIR=/data or MOCKSERVER_GCS_ROOT=/data; the rest can be
# read-only.
COPY --from=build --chown=65532:65532 /data /data
VOLUME /data
# Every interface in here is the container's own; publish the port on 127.0.0.1, as compose.yaml does.
# The port file is in memory, because the root may be read-only; the health check reads it.
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MOCKSERVER_HOST=0.0.0.0 \
    MOCKSERVER_PORT_FILE=/dev/shm/mockserver.json
# Numeric, so that Kubernetes can see it is not root.
USER 65532:65532
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=5s CMD ["mockserver", "health"]
ENTRYPOINT ["mockserver"]
CMD ["serve"]
