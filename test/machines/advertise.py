#!/usr/bin/env python3
"""A router's advertisements (RFC 4861) on a real interface, every two seconds: advertise.py INTERFACE PREFIX

The prefix (of 64 bits) is on the link, and addresses come by DHCPv6 (the flags M and O).
"""
import socket
import struct
import sys
import time

interface, prefix = sys.argv[1:]
sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)  # else nobody believes it
managed_and_other, on_link = 0xC0, 0x80
message = struct.pack("!BBHBBHII", 134, 0, 0, 64, managed_and_other, 1800, 0, 0)
message += struct.pack("!BBBBIII", 3, 4, 64, on_link, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, prefix)
while True:
    try:
        sock.sendto(message, ("ff02::1", 0, 0, socket.if_nametoindex(interface)))
    except OSError as error:  # no link-local address yet
        print(error, flush=True)
    time.sleep(2)
