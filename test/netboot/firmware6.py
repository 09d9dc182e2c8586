#!/usr/bin/env python3
"""A network boot client's DHCPv6 on a real interface: firmware6.py INTERFACE SUBJECT...

Subjects, each printed as one line "SUBJECT: key=value ...": uefi, http, ipxe (an advertisement each), lease (solicit,
request and reply of UEFI firmware), stateless (information-request). "silence" stands for no answer in 3 seconds. The
server knows the client by the interface's link-local address.
"""
import os
import socket
import struct
import sys

SOLICIT, ADVERTISE, REQUEST, REPLY, INFORMATION = 1, 2, 3, 7, 11
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDRESS, USER_CLASS, VENDOR_CLASS, BOOT_FILE, ARCHITECTURE = 1, 2, 3, 5, 15, 16, 59, 61
DUID = b"\0\4" + bytes(range(16))


def option(code, value):
    return struct.pack("!HH", code, len(value)) + value


def options_of(data):
    out = {}
    while len(data) >= 4:
        code, length = struct.unpack("!HH", data[:4])
        out.setdefault(code, data[4:4 + length])
        data = data[4 + length:]
    return out


def kind_options(vendor, architecture, user_class=b""):
    name = b"%s:Arch:%05d:UNDI:003000" % (vendor, architecture)
    out = option(VENDOR_CLASS, struct.pack("!IH", 343, len(name)) + name)
    out += option(ARCHITECTURE, struct.pack("!H", architecture)) + option(6, struct.pack("!HH", 59, 23))
    return out + (option(USER_CLASS, struct.pack("!H", len(user_class)) + user_class) if user_class else b"")


KINDS = {"uefi": kind_options(b"PXEClient", 7), "http": kind_options(b"HTTPClient", 16),
         "ipxe": kind_options(b"PXEClient", 7, b"iPXE")}


def exchange(sock, index, kind, body):
    transaction = os.urandom(3)
    sock.sendto(bytes([kind]) + transaction + option(CLIENT_ID, DUID) + option(8, b"\0\0") + body,
                ("ff02::1:2", 547, 0, index))
    while True:
        try:
            answer = sock.recv(2000)
        except socket.timeout:
            return None
        if answer[1:4] == transaction:
            return answer[0], options_of(answer[4:])


def address_of(options):
    inner = options_of(options.get(IA_NA, b"")[12:])
    return socket.inet_ntop(socket.AF_INET6, inner[IA_ADDRESS][:16]) if IA_ADDRESS in inner else ""


def describe(answer):
    if answer is None:
        return "silence"
    kind, options = answer
    words = {"type": kind, "address": address_of(options), "file": options.get(BOOT_FILE, b"").decode(),
             "class": options.get(VENDOR_CLASS, b"")[6:].decode()}
    return " ".join(f"{key}={value}" for key, value in words.items())


def run(interface, subjects):
    index = socket.if_nametoindex(interface)
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    sock.bind(("::", 546))
    sock.settimeout(3)
    association = struct.pack("!III", 1, 0, 0)
    for subject in subjects:
        if subject == "stateless":
            answer = exchange(sock, index, INFORMATION, KINDS["uefi"])
        elif subject == "lease":
            answer = exchange(sock, index, SOLICIT, KINDS["uefi"] + option(IA_NA, association))
            if answer is not None:
                lease = option(IA_NA, answer[1][IA_NA]) + option(SERVER_ID, answer[1][SERVER_ID])
                answer = exchange(sock, index, REQUEST, KINDS["uefi"] + lease)
        else:
            answer = exchange(sock, index, SOLICIT, KINDS[subject] + option(IA_NA, association))
        print(f"{subject}: {describe(answer)}", flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
