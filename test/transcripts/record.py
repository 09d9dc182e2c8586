#!/usr/bin/env python3
"""Runs scenarios against a real kube-apiserver and writes down what it answered.

    record.py SERVER TOKEN [scenario...]        SERVER is https://host:port, TOKEN one of a member of system:masters

scenarios/NAME.py is a Python file that uses the functions of `Scenario` as globals; recorded/NAME.json is what the
replay (src/server/transcripts_test.cpp) reads: one step per line, requests and answers in one form. What no two runs
have in common is written as a token: <uid3>, <rv5>, <time>; later requests that use such a value hold the token too.
The server must be a fresh one; scenarios do not see each other's objects because each has its own namespace.
"""
import base64
import http.client
import io
import json
import os
import re
import socket
import ssl
import sys
import time
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}
HEADERS = ["content-type", "warning", "retry-after", "cache-control", "vary", "location", "allow", "www-authenticate"]
UUID = re.compile(r"(?!0{8}|1{8})[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
TOKEN_VOLUME = re.compile(r"(kube-api-access-)([a-z0-9]{5})$")
# Numbers that belong to the run, in texts.
NUMBERS = [
    (re.compile(r"(Too large resource version: )\d+(, current: )\d+"), r"\1<n>\2<n>"),
    (re.compile(r"(too old resource version: )\d+( \()\d+"), r"\1<n>\2<n>"),
    (re.compile(r"(does not match the ResourceVersion in record \()\d+"), r"\1<n>"),
    (re.compile(r'(\\"resourceVersion\\":\\")\d+'), r"\1<n>"),  # an object in a text
    (re.compile(r'(resourceVersion: ")\d+'), r"\1<n>"),  # in YAML
]


class Tokens:
    """Values of this run and their names in the recording."""

    def __init__(self):
        self.by_value = {}
        self.counts = {}
        self.start = time.time()

    def name(self, kind, value):
        known = self.by_value.get((kind, value))
        if known is None:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            known = self.by_value[(kind, value)] = "<%s%d>" % (kind, self.counts[kind])
        return known

    def of_version(self, value):
        for kind in ("rv", "lrv"):
            if (kind, value) in self.by_value:
                return self.by_value[(kind, value)]
        return value

    def text(self, value):
        """A string of an answer or a request."""
        for (kind, known), token in self.by_value.items():
            if kind == "random":
                value = value.replace(known, token)
        value = TOKEN_VOLUME.sub(lambda m: m.group(1) + self.name("random", m.group(2)), value)
        value = UUID.sub(lambda m: self.name("uid", m.group(0)), value)
        value = TIME.sub(self.moment, value)
        for pattern, form in NUMBERS:
            value = pattern.sub(form, value)
        return value

    def moment(self, match):
        seconds = time.strptime(match.group(0)[:19], "%Y-%m-%dT%H:%M:%S")
        if abs(__import__("calendar").timegm(seconds) - self.start) > 86400:
            return match.group(0)
        return "<microtime>" if match.group(1) else "<time>"

    def answer(self, value, where=()):
        if isinstance(value, dict):
            out = {}
            for key, one in value.items():
                if key == "resourceVersion" and isinstance(one, str) and one.isdigit() and where and where[-1] == "metadata":
                    if value.get("uid") or value.get("name"):
                        out[key] = self.name("rv", one)
                    else:
                        out[key] = self.name("lrv", one)
                elif key == "continue" and where and where[-1] == "metadata" and one:
                    out[key] = self.name("continue", one)
                elif key == "cells" and isinstance(one, list):
                    out[key] = ["<age>" if isinstance(c, str) and re.fullmatch(r"(\d+[smhdy])+", c) else self.answer(c) for c in one]
                else:
                    out[self.text(key) if key.startswith("k:") else key] = self.answer(one, where + (key,))
            return out
        if isinstance(value, list):
            return [self.answer(one, where + ("[]",)) for one in value]
        return self.text(value) if isinstance(value, str) else value

    def request(self, value, key=""):
        if isinstance(value, dict):
            if str(value.get("path", "")).endswith("/resourceVersion") and isinstance(value.get("value"), str):
                value = dict(value, value=self.of_version(value["value"]))
            return {k: self.request(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.request(one) for one in value]
        if isinstance(value, str):
            if key == "resourceVersion":
                return self.of_version(value)
            value = re.sub(r"x{1000,}", lambda m: "<x%d>" % len(m.group(0)), value)
            for (kind, known), token in self.by_value.items():
                if kind in ("uid", "random"):
                    value = value.replace(known, token)
        return value

    def path(self, path):
        def one(match):
            name, value = match.group(1), urllib.parse.unquote(match.group(2))
            if name == "resourceVersion":
                return name + "=" + self.of_version(value)
            return name + "=" + self.by_value.get(("continue", value), match.group(2))

        path = re.sub(r"(resourceVersion|continue)=([^&]+)", one, path)
        return self.request(path)


class Answer(dict):
    """The document of an answer, with the status beside it."""

    status = 0
    headers = {}

    @property
    def rv(self):
        return self["metadata"]["resourceVersion"]

    @property
    def uid(self):
        return self["metadata"]["uid"]


def pick(document, paths):
    """Only these paths (lists of keys) of a large document, as a list of values."""
    out = []
    for path in paths:
        at = document
        for key in path:
            at = at.get(key) if isinstance(at, dict) else None
        out.append(at)
    return out


def bare(document, **more):
    """An answer to send back: without managedFields, whose times are not the same everywhere."""
    out = {k: v for k, v in document.items() if k != "metadata"}
    out["metadata"] = {k: v for k, v in document["metadata"].items() if k != "managedFields"}
    return dict(out, **more)


class Stream:
    """The answer to one GET, read as it comes. http.client cannot go on after it has waited in vain."""

    def __init__(self, address, context, path, headers):
        self.socket = context.wrap_socket(socket.create_connection(address, timeout=15))
        lines = ["GET %s HTTP/1.1" % path, "Host: %s:%d" % address] + ["%s: %s" % pair for pair in headers.items()]
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        self.raw, self.body, self.ended = b"", b"", False
        while b"\r\n\r\n" not in self.raw:
            self.more(15)
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        first, rest = head.split(b"\r\n", 1)
        self.status = int(first.split()[1])
        self.headers = http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))
        self.chunked = self.headers.get("Transfer-Encoding") == "chunked"

    def more(self, seconds):
        """Waits for bytes; false when none have come in that time."""
        if self.ended:
            return False
        self.socket.settimeout(seconds)
        try:
            piece = self.socket.recv(65536)
        except (TimeoutError, ssl.SSLError):
            return False
        self.ended = not piece
        self.raw += piece
        return True

    def decode(self):
        """Moves what is whole from `raw` to `body`."""
        while self.chunked and b"\r\n" in self.raw:
            size, rest = self.raw.split(b"\r\n", 1)
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            self.body, self.raw = self.body + rest[:length], rest[length + 2:]
            if length == 0:
                self.ended = True
                return
        if not self.chunked:
            self.body, self.raw = self.body + self.raw, b""
            if len(self.body) >= int(self.headers.get("Content-Length", 1 << 60)):
                self.ended = True

    def read(self):
        """All that is left."""
        while True:
            self.decode()
            if not self.more(15):
                return self.body

    def events(self):
        """Takes the events that are whole."""
        self.decode()
        out = []
        if "protobuf" in self.headers.get("Content-Type"):
            while len(self.body) >= 4 and len(self.body) >= 4 + int.from_bytes(self.body[:4], "big"):
                length = 4 + int.from_bytes(self.body[:4], "big")
                out.append({"base64": base64.b64encode(self.body[4:length]).decode()})
                self.body = self.body[length:]
            return out
        while b"\n" in self.body:
            line, self.body = self.body.split(b"\n", 1)
            if line.strip():
                out.append(json.loads(line))
                assert "type" in out[-1], line
        return out


class Scenario:
    def __init__(self, server, token):
        url = urllib.parse.urlparse(server)
        self.address = (url.hostname, url.port)
        self.token = token
        self.context = ssl._create_unverified_context()
        self.tokens = Tokens()
        self.steps = []
        self.names = set()

    def connect(self):
        return http.client.HTTPSConnection(*self.address, context=self.context, timeout=15)

    def send(self, method, path, body, headers):
        connection = self.connect()
        connection.putrequest(method, path, skip_accept_encoding=True)
        data = body if isinstance(body, bytes) else body.encode() if body is not None else b""
        for name, value in headers.items():
            connection.putheader(name, value)
        if data or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        return connection, connection.getresponse()

    def prepare(self, name, method, path, body, type, accept, user, headers):
        assert name not in self.names, "a second step is called " + name
        self.names.add(name)
        step = {"step": name, "method": method, "path": self.tokens.path(path)}
        sent = {"User-Agent": "recorder/1.0", "Accept": accept or "application/json"}
        if type or body is not None:
            sent["Content-Type"] = PATCHES.get(type, type) or "application/json"
            if sent["Content-Type"] != "application/json":
                step["type"] = sent["Content-Type"]
        if accept:
            step["accept"] = accept
        if user:
            step["user"] = user
        if user != "nobody":
            sent["Authorization"] = "Bearer " + (user + "-token" if user else self.token)
        if headers:
            step["headers"] = headers
            sent.update(headers)
        if isinstance(body, bytes):
            step["base64"] = base64.b64encode(body).decode()
        elif isinstance(body, str):
            step["text"] = self.tokens.request(body)
        elif body is not None:
            step["body"] = self.tokens.request(body)
            body = json.dumps(body, separators=(",", ":"))
        return step, body, sent

    # -- what scenarios call --------------------------------------------------------------------------------------

    def do(self, name, method, path, body=None, type=None, accept=None, user=None, headers=None, setup=False,
           only=None, until=None):
        """One request. `only`: paths to keep of a large answer. `until`: repeated until that holds of the answer."""
        step, data, sent = self.prepare(name, method, path, body, type, accept, user, headers)
        deadline = time.time() + 60
        while True:
            connection, response = self.send(method, path, data, sent)
            raw = response.read()
            connection.close()
            out = Answer()
            content_type = response.getheader("Content-Type") or ""
            try:
                parsed = json.loads(raw)
            except ValueError:
                parsed = None
            out = Answer(parsed if isinstance(parsed, dict) else {})
            out.status, out.raw, out.headers = response.status, raw, response.headers
            if until is None or until(out):
                break
            assert time.time() < deadline, "%s: never so: %s" % (name, raw[:2000])
            time.sleep(0.2)
        prefix = body["metadata"].get("generateName") if isinstance(body, dict) and "metadata" in body else None
        made = prefix and (out.get("details") or out.get("metadata") or {}).get("name", "")
        if made and made.startswith(prefix):
            self.random(made[len(prefix):])
        if until:
            step["eventually"] = True
        if setup:
            step["setup"] = True
            assert response.status < 300, raw
        step["status"] = response.status
        if not setup:
            kept = {}
            for header in HEADERS:
                values = response.headers.get_all(header)
                if values:
                    kept[header] = self.tokens.text("\n".join(values))
            step["answer_headers"] = kept
            if only:
                step["only"] = only
                step["answer"] = self.tokens.answer(pick(parsed, only))
            elif parsed is not None:
                step["answer"] = self.tokens.answer(parsed)
            elif "protobuf" in content_type:
                step["answer_base64"] = base64.b64encode(raw).decode()
            else:
                step["answer_text"] = self.tokens.text(raw.decode("utf-8", "replace"))
        elif isinstance(parsed, dict):
            step["learn"] = self.tokens.answer({"metadata": {k: v for k, v in parsed.get("metadata", {}).items()
                                                            if k in ("uid", "resourceVersion", "name")}})
        self.steps.append(step)
        return out

    def get(self, name, path, **more):
        return self.do(name, "GET", path, **more)

    def post(self, name, path, body, **more):
        return self.do(name, "POST", path, body, **more)

    def put(self, name, path, body, **more):
        return self.do(name, "PUT", path, body, **more)

    def patch(self, name, path, body, type="merge", **more):
        return self.do(name, "PATCH", path, body, type=type, **more)

    def apply(self, name, path, body, manager="m1", force=False, query="", **more):
        path += ("&" if "?" in path else "?") + "fieldManager=" + manager + ("&force=true" if force else "") + query
        return self.do(name, "PATCH", path, body, type="apply", **more)

    def delete(self, name, path, body=None, **more):
        return self.do(name, "DELETE", path, body, **more)

    def setup(self, name, path, body, **more):
        """A POST that only has to succeed."""
        return self.do(name, "POST", path, body, setup=True, **more)

    def namespace(self, name):
        self.setup("namespace " + name, "/api/v1/namespaces", {"metadata": {"name": name}})
        return "/api/v1/namespaces/" + name

    def crd(self, body, name=None):
        """Defines a kind and waits until it is served."""
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        full = body["metadata"]["name"]
        self.setup(name or "define " + full, crds, body)
        group, plural = body["spec"]["group"], body["spec"]["names"]["plural"]
        established = lambda crd: any(c["type"] == "Established" and c["status"] == "True"
                                      for c in crd.get("status", {}).get("conditions") or [])
        self.do("established " + full, "GET", crds + "/" + full, until=established, only=[["spec", "group"]])
        for version in body["spec"]["versions"]:
            if version["served"]:
                self.do("served %s/%s" % (full, version["name"]), "GET",
                        "/apis/%s/%s/%s" % (group, version["name"], plural), until=lambda a: a.status == 200,
                        only=[["kind"]])
        time.sleep(2.5)  # it refuses early writes for a while

    def random(self, value):
        """A part of names that the server made up; returns it."""
        self.tokens.name("random", value)
        return value

    def watch(self, name, path, **more):
        """Opens a watch; `collect` reads from it."""
        step, _, sent = self.prepare(name, "GET", path, None, None, more.get("accept"), more.get("user"), None)
        stream = Stream(self.address, self.context, path, sent)
        step["watch"] = True
        step["status"] = stream.status
        step["answer_headers"] = {h: stream.headers.get(h) for h in HEADERS if stream.headers.get(h)}
        if stream.status != 200:
            raw = stream.read()
            try:
                step["answer"] = self.tokens.answer(json.loads(raw))
            except ValueError:
                if "protobuf" in stream.headers.get("Content-Type"):
                    step["answer_base64"] = base64.b64encode(raw).decode()
                else:
                    step["answer"] = self.tokens.text(raw.decode("utf-8", "replace"))
        self.steps.append(step)
        return {"name": name, "stream": stream}

    def collect(self, name, watch, count=None, quiet=1.0, sort=False):
        """Events since the last time: `count` of them, or until it is quiet for so long. sort: by name, not order."""
        assert name not in self.names
        self.names.add(name)
        stream = watch["stream"]
        events = stream.events()
        while (count is None or len(events) < count) and stream.more(quiet):
            events += stream.events()
        out = []
        for event in events:
            if "base64" in event:
                out.append(event)
                continue
            if event["type"] == "BOOKMARK" and "resourceVersion" in event["object"]["metadata"]:
                event["object"]["metadata"]["resourceVersion"] = "<n>"
            out.append({"type": event["type"], "object": self.tokens.answer(event["object"])})
        step = {"step": name, "collect": watch["name"], "events": out, "ended": stream.ended}
        if sort:
            step["sort"] = True
        self.steps.append(step)
        return events

    def pause(self, seconds):
        """Time passes, there and in the replay."""
        time.sleep(seconds)
        self.steps.append({"pause": seconds})

    def use(self, more):
        """Runs another file of scenarios/ in this one (common definitions)."""
        self.run(os.path.join(HERE, "scenarios", more))

    def run(self, file):
        with open(file) as source:
            exec(compile(source.read(), file, "exec"), self.globals())

    def globals(self):
        if not hasattr(self, "space"):
            self.space = {"quote": urllib.parse.quote, "bare": bare}
            self.space.update({n: getattr(self, n) for n in dir(self) if not n.startswith("_") and callable(getattr(self, n))})
        return self.space


def main():
    server, token, names = sys.argv[1], sys.argv[2], sys.argv[3:]
    folder = os.path.join(HERE, "scenarios")
    names = names or sorted(f[:-3] for f in os.listdir(folder) if f.endswith(".py") and not f.startswith("_"))
    version = Scenario(server, token).do("version", "GET", "/version")["gitVersion"]
    for name in names:
        scenario = Scenario(server, token)
        scenario.run(os.path.join(folder, name + ".py"))
        os.makedirs(os.path.join(HERE, "recorded"), exist_ok=True)
        with open(os.path.join(HERE, "recorded", name + ".json"), "w") as out:
            out.write('{"server":"kube-apiserver %s","steps":[\n' % version)
            out.write(",\n".join(json.dumps(s, separators=(",", ":"), ensure_ascii=False) for s in scenario.steps))
            out.write("\n]}\n")
        print("%s: %d steps" % (name, len(scenario.steps)))


if __name__ == "__main__":
    main()
