# What systemd does for a service that leaves its sockets with it (sd_notify(3), FDSTORE; sd_listen_fds(3)), for tests.
# Usage: service-manager.py NOTIFY-SOCKET COMMAND...; reads start, stop, kill, tell, held; answers each with a line.
import json
import os
import select
import signal
import socket
import sys

path, command = sys.argv[1], sys.argv[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
notify.bind(path)
held, child, output = [], 0, None


def heard():
    text, ancillary, _, _ = notify.recvmsg(4096, 1024)
    pid, descriptors = 0, []
    for _, kind, data in ancillary:
        if kind == socket.SCM_CREDENTIALS:
            pid = int.from_bytes(data[:4], sys.byteorder)
        else:
            descriptors += [int.from_bytes(data[i:i + 4], sys.byteorder) for i in range(0, len(data), 4)]
    said = dict(line.split('=', 1) for line in text.decode().split('\n'))
    if pid == child and 'FDSTORE' in said and said.get('FDPOLL') == '0':
        held.append((said['FDNAME'], descriptors.pop(0)))
    if pid == child and 'FDSTOREREMOVE' in said:
        for entry in [one for one in held if one[0] == said['FDNAME']]:
            os.close(entry[1])
            held.remove(entry)
    for descriptor in descriptors:
        os.close(descriptor)


def start():
    global child, output
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        # Out of the way first, then into their places.
        spare = [os.dup2(fd, 500 + i, inheritable=False) for i, (_, fd) in enumerate(held)]
        for i, fd in enumerate(spare):
            os.dup2(fd, 3 + i)
        os.environ.update(NOTIFY_SOCKET=path, LISTEN_FDS=str(len(held)), LISTEN_PID=str(os.getpid()),
                          LISTEN_FDNAMES=':'.join(name for name, _ in held))
        os.execvp(command[0], command)
    os.close(writing)
    output = os.fdopen(reading)


def wait_for_line():
    while True:
        for ready in select.select([notify, output], [], [])[0]:
            if ready is notify:
                heard()
            else:
                return output.readline().strip()


def end(how):
    os.kill(child, how)
    output.read()
    os.waitpid(child, 0)
    return 'ended'


for line in sys.stdin:
    verb = line.strip()
    while select.select([notify], [], [], 0)[0]:
        heard()
    if verb == 'start':
        start()
        answer = wait_for_line()
    elif verb == 'tell':
        os.kill(child, signal.SIGUSR2)
        answer = wait_for_line()
    elif verb == 'held':
        answer = json.dumps(sorted(name for name, _ in held))
    else:
        answer = end(signal.SIGKILL if verb == 'kill' else signal.SIGTERM)
    print(answer, flush=True)
if child:
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        pass
