#!/usr/bin/env python3
"""A DHCP relay that makes a NIC's iPXE ROM look like a PXE ROM of another kind: plain_rom.py INTERFACE ADDRESS PORT

QEMU's NICs have ROMs of iPXE, which need no boot loader. What they say of themselves (user class, options of iPXE) is
left out of the first exchange of each boot, so that they are given undionly.kpxe; what follows is that one's own. ADDRESS
is the relay's, PORT the server's on 127.0.0.1.
"""
import select
import socket
import sys
import time

COOKIE, USER_CLASS, IPXE = 240, 77, 175
BETWEEN_BOOTS = 60  # seconds without a word of iPXE


def without(packet, codes):
    out, at = packet[:COOKIE], COOKIE
    while at < len(packet) and packet[at] != 255:
        end = at + 1 if packet[at] == 0 else at + 2 + packet[at + 1]
        if packet[at] not in codes:
            out += packet[at:end]
        at = end
    return out + b"\xff"


def main(interface, address, port):
    clients = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    clients.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    clients.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    clients.bind(("", 67))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))
    first, heard = None, float("-inf")  # the transaction that a boot began with, and when iPXE was last heard
    while True:
        for ready in select.select([clients, server], [], [])[0]:
            packet = ready.recv(2000)
            if ready is server:
                clients.sendto(packet, ("255.255.255.255", 68))
                continue
            packet = packet[:24] + socket.inet_aton(address) + packet[28:]  # giaddr
            transaction = packet[4:8]
            if len(without(packet, {IPXE})) < len(packet):
                if time.monotonic() - heard > BETWEEN_BOOTS:
                    first = transaction
                    print("a boot begins", flush=True)
                heard = time.monotonic()
                if transaction == first:
                    packet = without(packet, {USER_CLASS, IPXE})
            server.sendto(packet, ("127.0.0.1", int(port)))


main(*sys.argv[1:])
