"""Asks the admin address."""

import http.client

from .namespaces import in_namespace
from .waiting import DEADLINE


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode()


def ask(port, path, method="GET", address="127.0.0.1", namespace=None, body=None, **headers):
    """One request; an underscore in a header's name stands for a hyphen."""
    def request():
        connection = http.client.HTTPConnection(address, port, timeout=DEADLINE)
        try:
            connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
            return Answer(connection.getresponse())
        finally:
            connection.close()
    return in_namespace(namespace, request)
