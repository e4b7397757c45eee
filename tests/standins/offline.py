"""Run a command in a network namespace of its own, which has the loopback interface only.

Usage: unshare --net --map-root-user python offline.py COMMAND ...; in a new namespace the loopback
is down, and serving needs it.
"""

import fcntl
import os
import socket
import struct
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    request = struct.pack("16sh14x", b"lo", 0)
    flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the command of the test
