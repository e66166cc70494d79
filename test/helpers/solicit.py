# Sends damaged router solicitations, and between them a good one that must be answered.
# usage: solicit.py SEED COUNT BETWEEN      prints a line "asked ASKED served SERVED" at the end
import random
import select
import socket
import struct
import sys
import time

SOLICITATION, ADVERTISEMENT = 133, 134
ICMP6_FILTER = 1
ROUTERS = "ff02::2"
PATIENCE = 60

seed, count, between = (int(word) for word in sys.argv[1:])
generator = random.Random(seed)
index = socket.if_nametoindex("eth0")


def raw():
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0")
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    return sock


sender = raw()
listener = raw()
# Everything is blocked but advertisements.
blocked = [0xFFFFFFFF] * 8
blocked[ADVERTISEMENT >> 5] &= ~(1 << (ADVERTISEMENT & 31))
listener.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack("8I", *blocked))

# Solicitations of the Linux kernel and of dhcpcd, captured from the wire: type, code, checksum, options.
CAPTURED = [
    bytes.fromhex("85000000000000000101 52545e000001".replace(" ", "")),
    bytes.fromhex("8500000000000000"),
    bytes.fromhex("85000000 00000000 0101 52545e000001 0e01 1a2b3c4d5e6f".replace(" ", "")),
]


def damaged():
    if generator.randrange(5) == 0:
        packet = bytearray(generator.randbytes(generator.randrange(1200)))
    else:
        packet = bytearray(generator.choice(CAPTURED))
        for _ in range(1 + generator.randrange(6)):
            at = generator.randrange(len(packet) + 1)
            kind = generator.randrange(4)
            if kind == 0:
                del packet[at:]
            elif kind == 1:
                packet[at:at] = generator.randbytes(generator.randrange(24))
            elif at < len(packet):
                packet[at] = generator.choice([0, 1, 254, 255, generator.randrange(256)])
    # Most are read at all only if they say what they are; the kernel takes no packet without a checksum's place.
    if packet and generator.randrange(8):
        packet[0] = SOLICITATION
    return bytes(packet) + bytes(max(0, 4 - len(packet)))


def served():
    while select.select([listener], [], [], 0)[0]:
        listener.recv(2048)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        sender.sendto(CAPTURED[0], (ROUTERS, 0, 0, index))
        if select.select([listener], [], [], 1)[0]:
            return listener.recv(2048)[0] == ADVERTISEMENT
    return False


asked = answered = 0
for number in range(count):
    try:
        sender.sendto(damaged(), (ROUTERS, 0, 0, index))
    except OSError:
        # The queue of the device is full for a moment.
        time.sleep(0.001)
    if number % between == between - 1:
        asked += 1
        answered += served()
print(f"asked {asked} served {answered}", flush=True)
