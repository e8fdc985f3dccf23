#!/bin/sh
# Run once by the Postgres image, when its volume is empty: one user and one database for each that needs one.
set -eu

database() {
    psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --set=name="$1" --set=password="$2" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
}

database airflow "$AIRFLOW_DB_PASSWORD"
database mlflow "$MLFLOW_DB_PASSWORD"
database ledger "$LEDGER_DB_PASSWORD"
