# A small image that runs as nobody in particular. Nothing is downloaded but what the locks pin, by hash.
FROM python:3.12-slim AS build
WORKDIR /src
COPY requirements/build.txt requirements/runtime.txt requirements/
RUN python -m venv --without-pip /app \
    && pip --python /app/bin/python install --no-cache-dir --require-hashes --requirement requirements/runtime.txt \
    && python -m venv /build \
    && /build/bin/pip install --no-cache-dir --require-hashes --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY mockserver mockserver
RUN mkdir /data
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && pip --python /app/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl

FROM python:3.12-slim
LABEL org.opencontainers.image.title="gemini-tuning-mockserver" \
      org.opencontainers.image.description="A local mock server for Google's Gemini tuning APIs" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /app /app
# For a volume: with MOCKSERVER_DATA_DIR=/data everything is stored there.
COPY --from=build --chown=65532:65532 /data /data
# Every interface in here is the container's own; publish the port on 127.0.0.1, as compose.yaml does.
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    MOCKSERVER_HOST=0.0.0.0 \
    MOCKSERVER_PORT=8765
# Numeric, so that Kubernetes can see it is not root.
USER 65532:65532
EXPOSE 8765
# http.client, because it heeds no proxy variable.
HEALTHCHECK --interval=5s --timeout=3s --start-period=2s CMD ["python", "-c", "\
import http.client, os; \
server = http.client.HTTPConnection('127.0.0.1', int(os.environ['MOCKSERVER_PORT']), timeout=2); \
server.request('GET', '/_mock/health'); \
raise SystemExit(server.getresponse().status != 200)"]
ENTRYPOINT ["mockserver"]
CMD ["serve"]
