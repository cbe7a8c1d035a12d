# First:  docker run --rm -v shop:/workspace lagniappe init /workspace
# Then:   docker run -v shop:/workspace -p 8025:8025 --env-file shop.env lagniappe
# The daemon drains on SIGTERM: stop it with `docker stop --time 60`.
# Listening beyond loopback requires LAGNIAPPE_SECRET_KEY and LAGNIAPPE_API_TOKEN.

FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements/ requirements/
RUN python -m venv /opt/lagniappe \
    && /opt/lagniappe/bin/pip install --no-cache-dir --require-hashes \
        -r requirements/runtime.txt -r requirements/build.txt
COPY . .
RUN /opt/lagniappe/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /workspace --shell /usr/sbin/nologin lagniappe \
    && install --directory --owner=lagniappe --group=lagniappe --mode=0750 /workspace
COPY --from=build /opt/lagniappe /opt/lagniappe
ENV PATH=/opt/lagniappe/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LAGNIAPPE_WORKSPACE=/workspace \
    LAGNIAPPE_BIND=0.0.0.0:8025
USER lagniappe
WORKDIR /workspace
VOLUME /workspace
EXPOSE 8025
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8025/healthz', timeout=4)"]
ENTRYPOINT ["lagniappe"]
CMD ["run"]
