# One image for every service of docker-compose.yml but Postgres. Not Airflow's own image: its pinned set is another
# one than constraints.txt, and the project is tested with constraints.txt.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/affidavit/config \
    AFFIDAVIT_PROJECT=/opt/affidavit \
    AIRFLOW_HOME=/var/lib/airflow \
    GX_ANALYTICS_ENABLED=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False \
    DO_NOT_TRACK=1

# MLflow asks git for the commit that a run was made from.
RUN apt-get update && apt-get install --yes --no-install-recommends git && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir uv==0.13.8

WORKDIR /opt/affidavit
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY include ./include
# Compiled here, for whoever runs it may write none of it.
RUN uv pip install --system --no-cache --compile-bytecode -c constraints.txt \
    '.[airflow,anchor,documents,duckdb,mlflow,quality,postgres]' apache-airflow-providers-postgres
COPY config ./config
COPY dags ./dags
COPY expectations ./expectations
# A bundle carries a copy of it.
COPY verifier ./verifier

# Made here so that fresh volumes belong to this user, and the key's folder to nobody else.
RUN useradd --uid 50000 --create-home affidavit \
    && mkdir -p /var/lib/airflow /var/lib/mlflow /var/lib/affidavit/store /var/lib/affidavit/key \
    && chown -R affidavit /var/lib/airflow /var/lib/mlflow /var/lib/affidavit \
    && chmod 0700 /var/lib/affidavit/key
USER affidavit
