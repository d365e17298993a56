"""A sandbox and its clients: portals and citizens over real HTTP, one kept connection each."""

import base64
import hashlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from measuring import Spent, children_cpu, memory, process_cpu


class Sandbox:
    """`kyso serve --sandbox` on a data folder, until the block ends."""

    def __init__(self, kyso, folder):
        self.kyso, self.folder = kyso, Path(folder)

    def __enter__(self):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        log = open(self.folder / "serve.log", "wb")
        arguments = ["--sandbox", "--listen", "127.0.0.1:0", "--data", self.folder / "data", "--ready-file", ready]
        quiet = {**os.environ, "KYSO_LOG": os.environ.get("KYSO_LOG", "warn")}
        self.process = subprocess.Popen([str(self.kyso), "serve", *map(str, arguments)], stderr=log, stdout=log, env=quiet)
        deadline = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the sandbox did not start; see {log.name}\n{Path(log.name).read_text()}")
            time.sleep(0.02)
        self.facts = json.loads(ready.read_text())
        self.pin = {c["id"]: s["pin"] for s in self.facts["signers"] for c in s["credentials"]}
        return self

    def __exit__(self, kind, *_):
        if kind:
            said = (self.folder / "serve.log").read_text(errors="replace")
            print(f"the service ({self.process.poll() or 'still running'}) said:\n{said}", file=sys.stderr)
        self.process.terminate()
        self.process.wait(30)

    def cpu(self):
        """Processor seconds of the service so far."""
        return process_cpu(self.process.pid)

    def drawing_cpu(self):
        """Processor seconds of its page-drawing processes so far."""
        return children_cpu(self.process.pid)

    def resident(self):
        """Resident memory now and at its highest, KiB."""
        return memory(self.process.pid, "VmRSS", "VmHWM")

    def outbox(self):
        """The newest code of each transaction."""
        messages = Client(self).call("GET", "/sandbox/outbox")
        return {message["transaction"]: message["code"] for message in messages}


class Client:
    """One kept connection."""

    def __init__(self, sandbox):
        address = urllib.parse.urlsplit(sandbox.facts["url"])
        self.sandbox, self.http = sandbox, http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        self.headers = {}

    def log_in(self):
        portal = self.sandbox.facts["portal"]
        pair = base64.b64encode(f"{portal['client_id']}:{portal['client_secret']}".encode()).decode()
        form = {"grant_type": "client_credentials", "scope": "service"}
        token = self.call("POST", "/oauth2/token", form=form, headers={"Authorization": f"Basic {pair}"})
        self.headers = {"Authorization": f"Bearer {token['access_token']}"}
        return self

    def call(self, method, path, body=None, form=None, headers=None):
        """Sends JSON or a form; gives back JSON, or the bytes of anything else. A refusal ends the run."""
        headers, data = {**self.headers, **(headers or {})}, None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        self.http.request(method, path, data, headers)
        answer = self.http.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {content.decode(errors='replace')}")
        return json.loads(content) if "json" in answer.getheader("Content-Type", "") else content


class Citizen:
    """A portal's and its citizen's connection, with the requests they have under way."""

    def __init__(self, sandbox):
        self.portal, self.browser = Client(sandbox).log_in(), Client(sandbox)
        self.waiting, self.signed = [], []

    def ask(self, credential, bodies):
        """The portal hands over each document, the citizen looks at it and has a code sent."""
        for body in bodies:
            request = self.portal.call("POST", "/v1/requests", body)
            page = urllib.parse.urlsplit(request["confirm_url"]).path
            self.browser.call("GET", page)
            self.browser.call("POST", f"{page}/code", form={})
            self.waiting.append((request["id"], page))

    def confirm(self, codes):
        """The citizen enters each code, the portal fetches what was signed."""
        for request, page in self.waiting:
            self.browser.call("POST", f"{page}/confirm", form={"code": codes[request]})
            state = self.portal.call("GET", f"/v1/requests/{request}")["state"]
            if state != "signed":
                raise SystemExit(f"request {request} ended as {state}")
            self.signed.append(self.portal.call("GET", f"/v1/requests/{request}/documents/1"))
        self.waiting = []


def request_body(credential, pdf):
    content = base64.b64encode(pdf).decode()
    return json.dumps({"credential": credential, "documents": [{"name": "a.pdf", "content": content}]}).encode()


def journeys(sandbox, credential, pdfs, clients):
    """Whole journeys, dealt out to that many clients. Gives what was spent, drawing apart, and the signed documents.

    The outbox is read once for all, outside the measurement: it stands for the citizen's telephone.
    """
    citizens = [Citizen(sandbox) for _ in range(clients)]
    bodies = [request_body(credential, pdf) for pdf in pdfs]
    shares = [bodies[n::clients] for n in range(clients)]
    drawing = sandbox.drawing_cpu()
    with ThreadPoolExecutor(clients) as pool:
        asked = _measured(sandbox, lambda: list(pool.map(lambda c, s: c.ask(credential, s), citizens, shares)))
        codes = sandbox.outbox()
        confirmed = _measured(sandbox, lambda: list(pool.map(lambda c: c.confirm(codes), citizens)))
    spent = Spent(asked.wall + confirmed.wall, asked.cpu + confirmed.cpu)
    return spent, sandbox.drawing_cpu() - drawing, [pdf for citizen in citizens for pdf in citizen.signed]


def sign_hashes(sandbox, client, credential, algorithm, hashes):
    """Asking for a code, authorising with it, and signHash of the Cloud Signature Consortium's API, each measured."""
    values = [base64.b64encode(hashlib.sha256(os.urandom(8)).digest()).decode() for _ in range(hashes)]
    common = {"credentialID": credential, "hashes": values, "hashAlgorithmOID": "2.16.840.1.101.3.4.2.1"}
    pin = {"id": "PIN", "value": sandbox.pin[credential]}
    ask = {**common, "numSignatures": hashes, "authData": [pin]}
    found = {}

    def post(method, body):
        found.update(client.call("POST", f"/csc/v2/{method}", body))

    first = _measured(sandbox, lambda: post("credentials/authorize", ask))
    code = {"id": "OTP", "value": sandbox.outbox()[found["handle"]]}
    second = _measured(sandbox, lambda: post("credentials/authorize", {**ask, "authData": [pin, code]}))
    sign = {**common, "SAD": found["SAD"], "signAlgo": algorithm}
    signed = _measured(sandbox, lambda: post("signatures/signHash", sign))
    if len(found["signatures"]) != hashes:
        raise SystemExit("signHash gave another number of signatures")
    return first, second, signed


def _measured(sandbox, work):
    wall, cpu = time.perf_counter(), sandbox.cpu()
    work()
    return Spent(time.perf_counter() - wall, sandbox.cpu() - cpu)
