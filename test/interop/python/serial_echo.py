"""A serial port by TCP: what is typed comes back, and each line is followed by 400 others. Writes its port to a file."""

import socket
import sys

FLOOD = b"".join(b"line %d\r\n" % number for number in range(400))

listener = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[1], "w", encoding="ascii") as file:
    file.write(f"{listener.getsockname()[1]}\n")
while True:
    stream, _ = listener.accept()
    while data := stream.recv(4096):
        stream.sendall(data.replace(b"\r", b"\r\n" + FLOOD))
