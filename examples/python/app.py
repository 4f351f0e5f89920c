#!/usr/bin/env python3
"""A ledger of accounts behind Shardcast's sidecar, with nothing but Python's standard library.

The sidecar POSTs each request here, one of an account at a time, in order (C1), with what it knows in headers. So there are no locks
around an account below, and no transactions. Every replica uses the same folder.
"""

import json
import os
import signal
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

LEDGER = Path(os.environ.get("LEDGER_DIR", "ledger"))
JOURNAL = os.environ.get("LEDGER_JOURNAL")  # what was done when, as JSON lines
WORK_SECONDS = int(os.environ.get("LEDGER_WORK_MS", "0")) / 1000  # what a booking takes, so that one can watch
SIDECAR_URL = os.environ.get("SIDECAR_URL")  # its local API
LARGEST = 2**53 - 1
REMEMBERED = 1000

fence_lock = threading.Lock()


class Answer(Exception):
    """Ends a request with this status; what is no 2xx says why in `detail`, as in RFC 9457."""

    def __init__(self, status, body, **headers):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def read_json(path, default):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return default


def write_json(path, value):
    """Whole or not at all, also when the process dies half-way."""
    new = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
    new.write_text(json.dumps(value))
    new.replace(path)


def fence(lane, token):
    """Refuses a replica that has lost the lane and does not know it yet (C2): a later owner has a greater token.

    503 and not 4xx: who has lost the lane must not end a request. A database would say UPDATE ... WHERE fence <= :token.
    """
    path = LEDGER / f"lane-{lane}.fence"
    with fence_lock:
        newest = read_json(path, -1)
        if token < newest:
            raise Answer(503, {"detail": f"lane {lane} has a later owner: {newest}, this one is {token}"})
        if token > newest:
            write_json(path, token)


def book(handler, request):
    key = request["file"]
    fence(request["lane"], request["fencingToken"])
    if (LEDGER / f"{key}.audit").exists():
        raise Answer(503, {"detail": "the account is under audit"}, **{"Retry-After": "1"})
    account = read_json(LEDGER / f"{key}.json", {"balance": 0, "done": {}})
    if handler == "balance":
        return {"account": request["key"], "balance": account["balance"]}

    # Delivery is at least once. The outcome is stored in the same write as the money, under the request's id, and what is stored
    # already is only answered again; a refusal is an outcome too.
    known = account["done"].get(request["id"])
    if known is None:
        time.sleep(WORK_SECONDS)
        known = decide(handler, request, account)
        account["done"][request["id"]] = known
        account["balance"] = known["balance"]
        for old in list(account["done"])[:-REMEMBERED]:
            del account["done"][old]
        write_json(LEDGER / f"{key}.json", account)
    if "refused" in known:
        raise Answer(409, {"detail": known["refused"], "balance": known["balance"], "cents": known["cents"]})
    return {"account": request["key"], "cents": known["cents"], "balance": known["balance"]}


def decide(handler, request, account):
    cents, balance = cents_of(request["body"]), account["balance"]
    after = balance + cents if handler == "deposit" else balance - cents
    if after < 0:
        why = f"insufficient funds: the balance is {balance} cents, {cents} were asked for"
        return {"refused": why, "balance": balance, "cents": cents}
    if after > LARGEST:
        return {"refused": "balance limit", "balance": balance, "cents": cents}
    return {"balance": after, "cents": cents}


def cents_of(body):
    try:
        cents = json.loads(body)["cents"]
    except (ValueError, TypeError, KeyError):
        cents = None
    if type(cents) is not int or not 0 < cents <= LARGEST:
        raise Answer(422, {"detail": "cents: must be a positive whole number"})
    return cents


def journal(event, request, **more):
    if JOURNAL is None:
        return
    names = ("handler", "key", "id", "lane", "offset", "attempt", "member", "fencingToken", "remainingMs", "percent")
    line = {name: request[name] for name in names if name in request}
    line = {"event": event, "atMs": time.time() * 1000, "pid": os.getpid(), **line, **more}
    with open(JOURNAL, "ab", buffering=0) as file:  # one write, so that lines of several processes stay whole
        file.write(json.dumps(line).encode() + b"\n")


class App(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of an answer leave together

    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        kind, _, name = self.path.strip("/").partition("/")
        try:
            if kind == "requests" and name in ("deposit", "withdraw", "balance"):
                self.answer(200, self.on_request(name, body))
            elif kind == "broadcasts" and name == "interest":
                self.answer(200, self.on_interest(body))
            elif kind == "lanes":
                lane, what = name.split("/")
                if what == "acquired":
                    fence(int(lane), self.number("shardcast-fencing-token"))
                self.answer(200, {})
            else:
                self.answer(404, {"detail": f"there is no {self.path}"})
        except Answer as refused:
            self.answer(refused.status, refused.body, refused.headers)

    def on_request(self, handler, body):
        header = self.headers["shardcast-key"]
        request = {
            "handler": handler,
            "key": unquote(header),
            "file": header,  # percent-encoded, as it came: the name of a file
            "id": self.headers["idempotency-key"],
            "lane": self.number("shardcast-lane"),
            "offset": self.number("shardcast-offset"),
            "attempt": self.number("shardcast-attempt"),
            "member": self.headers["shardcast-member"],
            "fencingToken": self.number("shardcast-fencing-token"),
            "body": body,
        }
        if "shardcast-remaining-ms" in self.headers:
            request["remainingMs"] = self.number("shardcast-remaining-ms")
        journal("start", request)
        status = 200
        try:
            return book(handler, request)
        except Answer as refused:
            status = refused.status
            raise
        finally:
            journal("end", request, status=status)

    def on_interest(self, body):
        member = self.headers["shardcast-member"]
        percent = json.loads(body)["percent"]
        write_json(LEDGER / f"interest-{member}.json", percent)
        journal("interest", {"id": self.headers["shardcast-broadcast-id"], "member": member, "percent": percent})
        return {"member": member, "percent": percent}

    def number(self, name):
        return int(self.headers[name])

    def answer(self, status, body, headers=None):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    LEDGER.mkdir(parents=True, exist_ok=True)
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "3000"))), App)

    def leave():
        if SIDECAR_URL is not None:
            # The member leaves first; what it has begun is still served here meanwhile.
            try:
                urllib.request.urlopen(urllib.request.Request(f"{SIDECAR_URL}/drain", method="POST")).read()
            except OSError:
                pass  # the sidecar has left already
        server.shutdown()

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=leave).start())
    print(json.dumps({"msg": "listening", "port": server.server_address[1]}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
