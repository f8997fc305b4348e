# The service of secretsource: slim, not root, and able to run with a read-only root file system.
#   docker build -t secretsource .
#   docker run --read-only --tmpfs /tmp -v keys:/keys -p 8811:8811 secretsource

FROM python:3.13-slim AS build
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m venv /opt/secretsource \
    && /opt/secretsource/bin/pip install --no-cache-dir --disable-pip-version-check '.[server,cli,postgres,redis]'

FROM python:3.13-slim
LABEL org.opencontainers.image.title="secretsource" org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/secretsource /opt/secretsource
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin keys \
    && install --directory --owner=keys --group=keys --mode=0700 /keys
ENV PATH=/opt/secretsource/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# The folder with secretsource.toml, .env and, for SQLite, the store.
WORKDIR /keys
VOLUME ["/keys"]
EXPOSE 8811
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8811/readyz', timeout=2)"]
ENTRYPOINT ["secretsource", "serve", "--host", "0.0.0.0"]
