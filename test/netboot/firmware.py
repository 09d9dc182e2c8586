#!/usr/bin/env python3
"""A PXE client's DHCP on a real interface: firmware.py INTERFACE MAC SUBJECT...

Subjects, each printed as one line "SUBJECT: key=value ...": bios, uefi, http, ipxe (an offer each), lease (offer, request
and acknowledgement of UEFI firmware), renew ADDRESS (as the ramdisk does). "silence" stands for no answer in 3 seconds.
"""
import os
import socket
import struct
import sys

COOKIE = b"\x63\x82\x53\x63"
DISCOVER, REQUEST, ACK = 1, 3, 5


def option(code, value):
    return bytes([code, len(value)]) + value


def packet(mac, kind, options, address="0.0.0.0"):
    xid = os.urandom(4)
    fixed = struct.pack("!BBBB4sHH4s4s4s4s", 1, 1, 6, 0, xid, 0, 0x8000, socket.inet_aton(address),
                        bytes(4), bytes(4), bytes(4))
    fixed += bytes.fromhex(mac.replace(":", "")).ljust(16, b"\0") + bytes(192)
    body = option(53, bytes([kind])) + b"".join(option(code, value) for code, value in options) + b"\xff"
    return xid, (fixed + COOKIE + body).ljust(300, b"\0")


def parse(data):
    out = {"xid": data[4:8], "yiaddr": socket.inet_ntoa(data[16:20]), "siaddr": socket.inet_ntoa(data[20:24])}
    at = 240
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        length = data[at + 1]
        out[data[at]] = data[at + 2:at + 2 + length]
        at += 2 + length
    return out


def exchange(sock, mac, kind, options, address="0.0.0.0"):
    xid, data = packet(mac, kind, options, address)
    sock.sendto(data, ("255.255.255.255", 67))
    while True:
        try:
            answer = sock.recv(2000)
        except socket.timeout:
            return None
        if answer[0] == 2 and answer[4:8] == xid:
            return parse(answer)


def describe(answer):
    if answer is None:
        return "silence"
    words = {"type": answer[53][0], "address": answer["yiaddr"], "next": answer["siaddr"],
             "file": answer.get(67, b"").decode(), "class": answer.get(60, b"").decode(),
             "lease": int.from_bytes(answer.get(51, b""), "big")}
    return " ".join(f"{key}={value}" for key, value in words.items())


def firmware(vendor, architecture, user_class=b""):
    out = [(60, b"%s:Arch:%05d:UNDI:003001" % (vendor, architecture)), (93, struct.pack("!H", architecture)),
           (94, b"\x01\x03\x01"), (97, bytes(17)), (55, bytes([1, 3, 6, 43, 54, 60, 66, 67]))]
    return out + ([(77, user_class)] if user_class else [])


KINDS = {"bios": firmware(b"PXEClient", 0), "uefi": firmware(b"PXEClient", 7), "http": firmware(b"HTTPClient", 16),
         "ipxe": firmware(b"PXEClient", 7, b"iPXE")}


def run(interface, mac, subjects):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    sock.bind(("0.0.0.0", 68))
    sock.settimeout(3)
    subjects = list(subjects)
    while subjects:
        subject = subjects.pop(0)
        if subject == "lease":
            answer = exchange(sock, mac, DISCOVER, KINDS["uefi"])
            if answer is not None:
                wanted = [(50, socket.inet_aton(answer["yiaddr"])), (54, answer[54])]
                answer = exchange(sock, mac, REQUEST, KINDS["uefi"] + wanted)
        elif subject == "renew":
            answer = exchange(sock, mac, REQUEST, [(60, b"ingot-agent")], subjects.pop(0))
        else:
            answer = exchange(sock, mac, DISCOVER, KINDS[subject])
        print(f"{subject}: {describe(answer)}", flush=True)


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
