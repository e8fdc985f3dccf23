"""An authorization function for MLflow's ``basic-auth`` app: its own, and a bearer token beside it."""

import os

from flask import request
from mlflow.server.auth import authenticate_request_basic_auth
from werkzeug.datastructures import Authorization


def authenticate():
    if request.headers.get("Authorization") == f"Bearer {os.environ['COLLECTORS_TOKEN']}":
        return Authorization("basic", {"username": "reader"})
    return authenticate_request_basic_auth()
