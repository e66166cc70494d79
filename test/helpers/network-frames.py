# Sends raw Ethernet frames, or captures them: what a hostile guest would do, and what its neighbours would see.
# usage: network-frames.py send DEVICE        frames as hex lines on standard input
#        network-frames.py capture DEVICE HEX  prints arriving frames as hex lines until one contains HEX
import select
import socket
import sys

ALL_PROTOCOLS = 3
OUTGOING = 4


def send(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    for line in sys.stdin:
        sock.send(bytes.fromhex(line.strip()))


def capture(device, end):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    sock.bind((device, ALL_PROTOCOLS))
    print("ready", flush=True)
    wait = 8.0
    while select.select([sock], [], [], wait)[0]:
        frame, address = sock.recvfrom(65536)
        if address[2] == OUTGOING:
            continue
        print(frame.hex(), flush=True)
        if end in frame:
            wait = 0.2


if sys.argv[1] == "send":
    send(sys.argv[2])
else:
    capture(sys.argv[2], bytes.fromhex(sys.argv[3]))
