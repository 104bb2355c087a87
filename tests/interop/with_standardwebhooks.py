"""standardwebhooks: checks the signatures of what the service tells other systems, as a receiver does."""

import http.server
import importlib.metadata
import os
import queue
import threading

import httpx
import records
import smart
from checks import Checks, holds, same
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

ROOT = os.environ["INTEROP_ROOT"]
PATIENCE = 30  # seconds

checks = Checks("standardwebhooks", importlib.metadata.version("standardwebhooks"))
client = httpx.Client(headers={"Authorization": f"Bearer {smart.token()}"})
received: queue.Queue = queue.Queue()
answers = [503]  # what is answered to the first ones; 204 to those after them


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes notifications."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.put((dict(self.headers), body))
        self.send_response(answers.pop(0) if answers else 204)
        self.end_headers()

    def log_message(self, *_):
        """Says nothing."""


def record_block() -> str:
    """Records somebody with a block, and gives back the block's id."""
    answer = client.post(smart.FHIR, json=records.journey(records.new_name())).raise_for_status().json()
    return records.made(answer, "Procedure")[0].split("/")[1]


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
with checks.check("subscribes, and is given a secret"):
    asked = {"url": f"http://127.0.0.1:{server.server_port}/hook", "topics": ["block-recorded"]}
    made = client.post(f"{ROOT}/v1/subscriptions", json=asked)
    same(made.status_code, 201, made.text)
    webhook = Webhook(made.json()["secret"])

with checks.check("verifies a notification"):
    block = record_block()
    headers, body = received.get(timeout=PATIENCE)
    told = webhook.verify(body, headers)
    same((told["type"], told["data"]["subscription_id"]), ("block-recorded", made.json()["id"]))
    holds(b"Synthetic" not in body and records.IDENTIFIERS.encode() not in body, "it names the patient")

with checks.check("is told again what it did not take, with the same id"):
    again, body_again = received.get(timeout=PATIENCE)
    while again["webhook-id"] != headers["webhook-id"]:
        again, body_again = received.get(timeout=PATIENCE)
    webhook.verify(body_again, again)

with checks.check("a body that was changed does not pass"):
    try:
        webhook.verify(body.replace(b"block-recorded", b"block-recorde "), headers)
        raise AssertionError("passed")
    except WebhookVerificationError:
        pass

server.shutdown()

checks.end()
