# Says hello over TCP or UDP, and answers: what a guest's programs would do.
# usage: network-talk.py serve PORT…             echoes on TCP and UDP, both protocols; prints ready
#        network-talk.py ask tcp|udp HOST PORT SECONDS   exits with 0 if its words come back
#        network-talk.py hold HOST PORT           connects, prints open, then for each line: alive or dead
import select
import socket
import sys

WORDS = b"innkeeper"


def serve(ports):
    tcp = [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) for port in ports]
    udp = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in ports]
    for sock, port in zip(udp, ports):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", port))
    clients = []
    print("ready", flush=True)
    while True:
        for sock in select.select(tcp + udp + clients, [], [])[0]:
            if sock in tcp:
                clients.append(sock.accept()[0])
            elif sock in udp:
                data, address = sock.recvfrom(2048)
                sock.sendto(data, address)
            else:
                try:
                    data = sock.recv(2048)
                    sock.sendall(data)
                except OSError:
                    data = b""
                if not data:
                    clients.remove(sock)
                    sock.close()


def ask(protocol, host, port, seconds):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    sock.settimeout(seconds)
    sock.connect((host, port))
    sock.send(WORDS)
    return sock.recv(2048) == WORDS


def hold(host, port):
    sock = socket.create_connection((host, port), 20)
    print("open", flush=True)
    for seconds in sys.stdin:
        sock.settimeout(float(seconds))
        try:
            sock.sendall(WORDS)
            print("alive" if sock.recv(2048) else "dead", flush=True)
        except OSError:
            print("dead", flush=True)


command, *words = sys.argv[1:]
if command == "serve":
    serve([int(port) for port in words])
elif command == "hold":
    hold(words[0], int(words[1]))
else:
    try:
        sys.exit(0 if ask(words[0], words[1], int(words[2]), float(words[3])) else 1)
    except OSError:
        sys.exit(1)
