"""A stock ironic-python-agent as the ramdisk of one made-up server, from registration to deprovisioning.

    ipa.py INGOT VENV FOLDER

INGOT is the program; VENV a virtual environment with ironic-python-agent and pycdlib, which is shown to the agent in
the cage (ipa_cage.sh) that keeps the agent from this machine's disks; FOLDER is for everything that is made. The body
of the server is here: it watches the power and the virtual CD of `ingot simulate-bmc` and "boots" the agent from it.
"""
import base64
import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import pycdlib
import requests
import yaml

requests.packages.urllib3.disable_warnings()
os.environ.pop("REQUESTS_CA_BUNDLE", None)
os.environ.pop("CURL_CA_BUNDLE", None)
INGOT, VENV, FOLDER = sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
ROOM = os.path.join(FOLDER, "room")
RACK = os.path.join(ROOM, "rack")
MAC = "52:54:00:1a:00:01"
processes, failures = [], 0


def check(what, good, more=""):
    global failures
    print("  ok   " if good else "  FAIL ", what, "" if good else more, flush=True)
    failures += not good


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(name, *command, **more):
    log = open(os.path.join(FOLDER, name + ".log"), "ab")
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)
    processes.append(process)
    return process


def stop(process):
    if process.poll() is None and "unshare" in process.args:
        # It ignores SIGTERM; its one child is the first process of the namespace, which ends with it.
        with open(f"/proc/{process.pid}/task/{process.pid}/children") as children:
            for child in children.read().split():
                os.kill(int(child), signal.SIGKILL)
        process.wait()
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(what, limit, ready):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        for process in processes:
            if process.poll() not in (None, 0, -15, -9):
                raise SystemExit(f"ipa.py: {what}: a process ended: {process.args[:7]}; see {FOLDER}")
        with contextlib.suppress(requests.ConnectionError):
            found = ready()
            if found:
                return found
        time.sleep(0.3)
    raise SystemExit(f"ipa.py: {what}: not within {limit} s; see {FOLDER}")


class Server:
    """Power and virtual CD of the BMC, and what runs because of them."""

    def __init__(self, redfish):
        self.url, self.session = redfish, requests.Session()
        self.session.auth, self.session.verify = ("admin", "password"), False
        self.booted, self.agent, self.boots, self.disk_boots = None, None, 0, 0
        self.lock = threading.Lock()
        threading.Thread(target=self.watch, daemon=True).start()

    def get(self, path):
        answer = self.session.get(self.url + path, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def members(self, path):
        return [member["@odata.id"] for member in self.get(path)["Members"]]

    def medium(self):
        for owner in self.members("/redfish/v1/Managers") + self.members("/redfish/v1/Systems"):
            with contextlib.suppress(requests.HTTPError):
                for one in self.members(owner + "/VirtualMedia"):
                    found = self.get(one)
                    if found.get("Inserted") and found.get("Image"):
                        return found["Image"]
        return None

    def watch(self):
        while True:
            with contextlib.suppress(requests.RequestException, OSError):
                system = self.get(self.members("/redfish/v1/Systems")[0])
                if system["PowerState"] != "On":
                    self.kill()
                    self.booted = None
                elif self.medium() != self.booted:  # off and on again may be too quick to be seen; the URL tells
                    self.kill()
                    self.boot()
                if self.agent and os.path.exists(os.path.join(RACK, "reboot")):
                    os.remove(os.path.join(RACK, "reboot"))
                    self.kill()
                    self.disk_boots += 1
            time.sleep(0.3)

    def kill(self):
        with self.lock:
            if self.agent:
                stop(self.agent)
                processes.remove(self.agent)
            self.agent = None

    def boot(self):
        medium = self.booted = self.medium()  # the override of a single boot is forgotten by now
        if not medium:
            self.disk_boots += 1
            return
        room(medium)
        self.boots += 1
        with self.lock:
            self.agent = start("agent", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--ipc",
                               os.path.join(HERE, "ipa_cage.sh"), ROOM, VENV, os.path.join(ROOM, "venv/bin/python"),
                               os.path.join(ROOM, "venv/bin/ironic-python-agent"), "--config-dir",
                               "/etc/ironic-python-agent.d")


def script(name, text):
    path = os.path.join(ROOM, "bin", name)
    with open(path, "w") as out:
        out.write("#!/bin/bash\n" + text + "\n")
    os.chmod(path, 0o755)


def room(medium):
    """What the agent finds when it is started: the medium, a command line, and tools that only pretend."""
    for part in ("etc", "bin", "medium", "tmp", "plugin", "dev"):
        shutil.rmtree(os.path.join(ROOM, part), ignore_errors=True)
        os.makedirs(os.path.join(ROOM, part))
    os.chmod(os.path.join(ROOM, "tmp"), 0o1777)
    for name in ("passwd", "group", "hosts", "nsswitch.conf", "resolv.conf", "localtime", "ssl"):
        source = os.path.join("/etc", name)
        if os.path.isdir(source):
            shutil.copytree(source, os.path.join(ROOM, "etc", name), symlinks=True,
                            ignore=shutil.ignore_patterns("private"))
        elif os.path.exists(source):
            shutil.copy(source, os.path.join(ROOM, "etc", name))
    os.chmod(os.path.join(ROOM, "etc"), 0o777)
    with open(os.path.join(ROOM, "cmdline"), "w") as out:
        out.write(f"boot_method=vmedia ipa-debug=1 ipa-advertise-host=127.0.0.1 ipa-listen-host=127.0.0.1 "
                  f"ipa-listen-port={agent_port} ipa-advertise-port={agent_port} ipa-disk-wait-attempts=0\n")
    image = pycdlib.PyCdlib()
    image.open_fp(io.BytesIO(requests.get(medium, timeout=60).content))
    for folder, _, files in image.walk(rr_path="/"):
        os.makedirs(os.path.join(ROOM, "medium", folder.strip("/")), exist_ok=True)
        for name in files:
            path = os.path.join(folder, name)
            image.get_file_from_iso(os.path.join(ROOM, "medium", path.strip("/")), rr_path=path)
    image.close()
    script("lsblk", 'case "$*" in *LABEL*) echo \'KNAME="/dev/sr0" LABEL="VMEDIA_BOOT_ISO"\' ;;\n'
                    ' *TRAN*) echo \'KNAME="sr0" TRAN="sata" TYPE="rom" SIZE="1000000"\' ;; esac')
    script("findmnt", f"echo {ROOM}/medium")
    for name in ("reboot", "poweroff"):
        script(name, f": >{RACK}/{name}")
    script("lshw", "echo {}")
    for name in ("sync", "hwclock", "udevadm", "umount", "partprobe"):
        script(name, "exit 0")
    os.makedirs(os.path.join(ROOM, "plugin/ingot_rack-1.dist-info"))
    shutil.copy(os.path.join(HERE, "ipa_hardware.py"), os.path.join(ROOM, "plugin"))
    with open(os.path.join(ROOM, "plugin/ingot_rack-1.dist-info/METADATA"), "w") as out:
        out.write("Metadata-Version: 2.1\nName: ingot-rack\nVersion: 1\n")
    with open(os.path.join(ROOM, "plugin/ingot_rack-1.dist-info/entry_points.txt"), "w") as out:
        out.write("[ironic_python_agent.hardware_managers]\nrack = ipa_hardware:RackHardwareManager\n")


def events(kind):
    with contextlib.suppress(FileNotFoundError):
        with open(os.path.join(RACK, "events.jsonl")) as lines:
            return [one for one in map(json.loads, lines) if one["event"] == kind]
    return []


class Images(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(IMAGE)))
        self.end_headers()
        self.wfile.write(IMAGE)

    do_HEAD = do_GET

    def log_message(self, *unused):
        pass


class Cluster:
    def __init__(self, path):
        with open(path) as file:
            config = yaml.safe_load(file)
        self.server = config["clusters"][0]["cluster"]["server"]
        self.session = requests.Session()
        self.session.verify = self.keep("ca", config["clusters"][0]["cluster"]["certificate-authority-data"])
        user = config["users"][0]["user"]
        if "token" in user:
            self.session.headers["Authorization"] = "Bearer " + user["token"]
        else:
            self.session.cert = (self.keep("crt", user["client-certificate-data"]),
                                 self.keep("key", user["client-key-data"]))

    @staticmethod
    def keep(name, data):
        path = os.path.join(FOLDER, "user." + name)
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))
        return path

    def call(self, method, path, body=None, kind="application/json"):
        answer = self.session.request(method, self.server + path, data=json.dumps(body) if body else None,
                                      headers={"Content-Type": kind}, timeout=30)
        if answer.status_code >= 300:
            raise SystemExit(f"ipa.py: {method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()


HOSTS = "/apis/metal3.io/v1alpha1/namespaces/metal/baremetalhosts"
IMAGE = bytearray(8 << 20)
IMAGE[510:512] = b"\x55\xaa"  # a boot record, and an entry of its partition table
IMAGE[446:462] = bytes([0x80, 0, 2, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0])
IMAGE = bytes(IMAGE)
agent_port = free_port()


def main():
    for path in (FOLDER, ROOM, RACK, os.path.join(ROOM, "venv")):
        os.makedirs(path, exist_ok=True)
    os.chmod(RACK, 0o777)
    api, provisioning, boot, redfish, images = (free_port() for _ in range(5))
    dhcp, ipmi = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    start("bmc", INGOT, "simulate-bmc", "--redfish", f"127.0.0.1:{redfish}", "--ipmi", f"127.0.0.1:{ipmi}")
    start("serve", INGOT, "serve", "--data-dir", os.path.join(FOLDER, "data"), "--listen", f"127.0.0.1:{api}",
          "--agent-listen", f"127.0.0.1:{provisioning}", "--boot-listen", f"127.0.0.1:{boot}", "--dhcp-listen",
          f"127.0.0.1:{dhcp}", "--allow-loopback-agents", "--log-level", "debug")
    threading.Thread(target=http.server.ThreadingHTTPServer(("127.0.0.1", images), Images).serve_forever,
                     daemon=True).start()
    config = os.path.join(FOLDER, "data/admin.kubeconfig")
    until("the manager starts", 60, lambda: os.path.exists(config))
    cluster = Cluster(config)
    until("the API answers", 60, lambda: cluster.session.get(cluster.server + "/readyz", timeout=5).ok)
    server = Server(f"https://127.0.0.1:{redfish}")
    system = until("the BMC answers", 30, lambda: server.members("/redfish/v1/Systems"))[0]

    def state(wanted, limit):
        def reached():
            status = cluster.call("GET", HOSTS + "/one").get("status", {})
            if status.get("errorMessage"):
                print("  error:", status["errorMessage"], flush=True)
                time.sleep(2)
            return status if status.get("provisioning", {}).get("state") == wanted else None
        return until(f"the host becomes {wanted}", limit, reached)

    cluster.call("POST", "/api/v1/namespaces", {"metadata": {"name": "metal"}})
    cluster.call("POST", "/api/v1/namespaces/metal/secrets", {
        "metadata": {"name": "bmc"}, "stringData": {"username": "admin", "password": "password"}})
    cluster.call("POST", "/api/v1/namespaces/metal/secrets", {
        "metadata": {"name": "user-data"}, "stringData": {"value": "#cloud-config\nhostname: stock\n"}})
    address = f"redfish-virtualmedia+https://127.0.0.1:{redfish}{system}"
    cluster.call("POST", HOSTS, {
        "apiVersion": "metal3.io/v1alpha1", "kind": "BareMetalHost", "metadata": {"name": "one"},
        "spec": {"bootMACAddress": MAC, "online": True, "bmc": {
            "address": address, "credentialsName": "bmc", "disableCertificateVerification": True}}})
    status = state("available", 240)
    hardware = status.get("hardware", {})
    check("inspected: its disks, processor, memory and maker are those that the agent told",
          [disk.get("serialNumber") for disk in hardware.get("storage", [])] == ["RACK0001", "RACK 0002"]
          and hardware.get("cpu", {}).get("count") == 8 and hardware.get("ramMebibytes") == 16384
          and hardware.get("systemVendor", {}).get("manufacturer") == "Rack", str(hardware))
    boots = server.boots
    check("cleaned: both disks lost their metadata, once", len(events("metadata erased")) == 2)

    digest = hashlib.sha256(IMAGE).hexdigest()

    def order(checksum):
        cluster.call("PATCH", HOSTS + "/one", {"spec": {
            "image": {"url": f"http://127.0.0.1:{images}/node.raw", "checksum": checksum, "checksumType": "sha256",
                      "format": "raw"},
            "rootDeviceHints": {"minSizeGigabytes": 20}, "userData": {"name": "user-data", "namespace": "metal"}}},
            "application/merge-patch+json")

    order(digest)
    state("provisioned", 300)
    written = events("image written")
    check("the image went to the one disk that was meant, once",
          [one["disk"] for one in written] == ["/dev/fake1"], str(written))
    with open(os.path.join(RACK, "disk-fake1"), "rb") as disk:
        check("it is the image, whole", hashlib.sha256(disk.read()).hexdigest() == digest)
    check("the other disk has nothing", not os.path.exists(os.path.join(RACK, "disk-fake0"))
          or os.path.getsize(os.path.join(RACK, "disk-fake0")) == 0)
    drive = pycdlib.PyCdlib()
    drive.open(os.path.join(RACK, "config-drive.iso"))
    found = io.BytesIO()
    drive.get_file_from_iso_fp(found, rr_path="/openstack/latest/user_data")
    check("the config drive has the user data", found.getvalue() == b"#cloud-config\nhostname: stock\n")
    until("the server starts from its disk", 60, lambda: server.disk_boots and server.agent is None)
    check("the agent was told to restart, and the medium is gone", server.medium() is None)

    cluster.call("PATCH", HOSTS + "/one", {"spec": {"image": None}}, "application/merge-patch+json")
    state("available", 300)
    check("deprovisioned: both disks were wiped", os.path.getsize(os.path.join(RACK, "disk-fake1")) == 0)
    print(f"  boots of the agent: {server.boots} ({boots} until available)")
    server.kill()


status = 1
try:
    main()
    status = 1 if failures else 0
finally:
    for process in processes:
        stop(process)
    sys.exit(status)
