# The sidecar's image: built once, then nothing in it is ever written again. It runs with a read-only root, as uid
# 2000, without capabilities, and needs neither a shell nor curl.

FROM python:3.13-slim-bookworm AS build
WORKDIR /build
COPY setup.py pyproject.toml README.md ./
COPY twisted twisted
COPY o2sidecar o2sidecar
RUN pip wheel --no-cache-dir --wheel-dir /build/wheels ".[all]"
RUN python -m venv --without-pip /opt/o2sidecar
RUN pip --python /opt/o2sidecar/bin/python install --no-cache-dir --no-compile --no-index --find-links /build/wheels "o2sidecar[all]"
# More than half of Twisted are its own tests.
RUN find /opt/o2sidecar/lib -type d -path "*/twisted/*" -name test -prune -exec rm -r {} +
# Nothing may write byte code later, so it is all made now, and never compared with its source again.
RUN /opt/o2sidecar/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/o2sidecar/lib
# The first twistd writes the cache of its plugins; a read-only one would look for them at each start.
RUN /opt/o2sidecar/bin/twistd --help > /build/help.txt && grep -q o2sidecar /build/help.txt

FROM python:3.13-slim-bookworm
COPY --from=build /opt/o2sidecar /opt/o2sidecar
ENV PATH=/opt/o2sidecar/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    O2SIDECAR_DEFAULTS=o2sidecar \
    OAUTH2_PROXY_HTTP_ADDRESS=0.0.0.0:4180
WORKDIR /
USER 2000:2000
EXPOSE 4180 44180
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["o2sidecar", "healthcheck"]
ENTRYPOINT ["o2sidecar", "run"]
