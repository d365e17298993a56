#!/usr/bin/env python3
"""schemathesis over a sandbox's /openapi.json: no server error, no answer that is not documented. Bounded in time.

    python3 tests/openapi.py target/debug/kyso path/to/schemathesis [seconds]

A signed and a waiting request and a webhook are there, so that calls reach what lies behind the identifiers too.
"""

import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def call(url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, headers=headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Api:
    """The sandbox's portal."""

    def __init__(self, ready):
        self.url = ready["url"]
        client = f'{ready["portal"]["client_id"]}:{ready["portal"]["client_secret"]}'
        basic = {"Authorization": "Basic " + base64.b64encode(client.encode()).decode()}
        form = urllib.parse.urlencode({"grant_type": "client_credentials"}).encode()
        self.token = call(ready["token_url"], form, basic)["access_token"]

    def get(self, path):
        return call(self.url + path, None, {"Authorization": f"Bearer {self.token}"})

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        return call(self.url + path, json.dumps(body).encode(), headers)


def configuration(api):
    document = base64.b64encode((ROOT / "samples/hoa-don-gtgt.pdf").read_bytes()).decode()
    body = {"credential": "ec-p256-hosted", "documents": [{"name": "a.pdf", "content": document}], "expires_in": 3600}
    waiting = api.post("/v1/requests", body)
    signed = api.get("/v1/requests?state=signed&limit=1")["requests"][0]
    hook = api.post("/v1/webhooks", {"url": "https://portal.invalid/hook"})["id"]
    event = api.get("/v1/events?after=0")["events"][0]["id"]
    token = waiting["confirm_url"].rsplit("/", 1)[1]
    pinned = {
        "readRequest": {"path.id": signed["id"]},
        "fetchDocument": {"path.id": signed["id"], "path.n": 1},
        "requestEvents": {"path.id": signed["id"]},
        "readWebhook": {"path.id": hook},
        "listDeliveries": {"path.id": hook},
        "resend": {"path.id": hook, "path.event": event},
        "listEvents": {"query.wait": 0},
        "showRequest": {"path.token": token},
        "originalDocument": {"path.token": token, "path.n": 1},
        "drawnPage": {"path.token": token, "path.n": 1},
        "confirm": {"path.token": token},
    }
    lines = []
    for operation, parameters in pinned.items():
        members = ", ".join(f'"{name}" = {json.dumps(value)}' for name, value in parameters.items())
        lines += ["[[operations]]", f'include-operation-id = "{operation}"', f"parameters = {{ {members} }}", ""]
    return "\n".join(lines)


def main(kyso, schemathesis, seconds):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        ready_file = folder / "ready.json"
        serve = [kyso, "serve", "--sandbox", "--data", folder / "data", "--listen", "127.0.0.1:0", "--ready-file", ready_file]
        service = subprocess.Popen(serve, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not ready_file.exists():
                assert service.poll() is None and time.monotonic() < deadline, "the sandbox does not start"
                time.sleep(0.1)
            sample = folder / "a.pdf"
            sample.write_bytes((ROOT / "samples/hoa-don-gtgt.pdf").read_bytes())
            sign = [kyso, "sign", "--ready-file", ready_file, "--auto-confirm", "--credential", "ec-p256-hosted", sample]
            subprocess.run(sign, check=True, stdout=subprocess.DEVNULL)
            ready = json.loads(ready_file.read_text())
            api = Api(ready)
            (folder / "schemathesis.toml").write_text(configuration(api))
            run = [schemathesis, "--config-file", folder / "schemathesis.toml", "run", f'{ready["url"]}/openapi.json']
            run += ["-H", f"Authorization: Bearer {api.token}", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing"]
            run += ["--max-time", str(seconds), "--warnings", "off", "--continue-on-failure", "--generation-database", "none"]
            return subprocess.run(run, cwd=folder, env={**os.environ, "NO_COLOR": "1"}, check=False).returncode
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 60))
