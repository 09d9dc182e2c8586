#!/usr/bin/env python3
"""Plays a switch: sends the LLDP frame of its port every half second. lldp.py INTERFACE"""
import socket
import struct
import sys
import time


def value(kind, content):
    return struct.pack("!H", kind << 9 | len(content)) + content


frame = bytes.fromhex("0180c200000e" "525400000001" "88cc")
frame += value(1, b"\x04" + bytes.fromhex("525400000001")) + value(2, b"\x05Ethernet1/7")
frame += value(3, b"\x00\x78") + value(5, b"leaf-1") + value(0, b"")
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind((sys.argv[1], 0))
while True:
    wire.send(frame)
    time.sleep(0.5)
