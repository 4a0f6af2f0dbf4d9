/**
 * Processes that make connections to each other, as a program in Python: each in a cgroup, as a user of its own. Ports are used again and
 * again by one process after another. It writes what it has done to its output, a line for each connection.
 *
 * Arguments: connections, folders of the clients' cgroups and those of the servers' as JSON, processes, milliseconds of the poll, seed.
 */
export const CROWD = `
import errno, json, os, random, select, signal, socket, struct, sys, time
count, clients, servers, processes, poll, seed = [json.loads(one) for one in sys.argv[1:7]]
random.seed(seed)
os.setpgrp()
def end(*_): os.killpg(0, signal.SIGKILL)
signal.signal(signal.SIGTERM, end)
FIRST_PORT, PORTS, SERVER = 20000, max(count // 4, 1), 7000
def become(folder, user, name):
    open(folder + '/cgroup.procs', 'w').write(str(os.getpid()))
    open('/proc/self/comm', 'w').write(name)
    os.setgid(user); os.setuid(user)
def serve(number):
    become(servers[number], 3000 + number, 'server')
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', SERVER + number)); listener.listen(4096); listener.setblocking(False)
    waits = select.epoll(); waits.register(listener, select.EPOLLIN)
    held = {}
    while True:
        for number, _ in waits.poll():
            if number == listener.fileno():
                one, _ = listener.accept()
                held[one.fileno()] = one; waits.register(one, select.EPOLLIN)
            else:
                try: more = held[number].recv(100)
                except OSError: more = b''
                if not more: waits.unregister(number); held.pop(number).close()
for number in range(len(servers)):
    if os.fork() == 0: serve(number)
# who does what when: of each port one connection after another, by whom it may be
plan = [[] for _ in range(processes)]
made, soon = 0, 0.2
clock = [soon + random.random() * 2 for _ in range(PORTS)]
while made < count:
    port = made % PORTS
    resets = random.random() < 0.6
    life = random.uniform(0.02, 0.5) if random.random() < 0.2 else random.uniform(1.1, 4) * poll / 1000
    plan[random.randrange(processes)].append((clock[port], life, FIRST_PORT + port, SERVER + random.randrange(len(servers)), resets))
    # after a reset the port is free at once, else a TIME_WAIT may be there
    clock[port] += life + (random.uniform(0.001, 0.05) if resets else random.uniform(1.2, 2))
    made += 1
time.sleep(1)
out = os.dup(1)
start = time.monotonic() + 1
def act(number):
    become(clients[number % len(clients)], 2000 + number, 'client%d' % number)
    events = sorted([(at, 0, i) for i, (at, *_) in enumerate(plan[number])] + [(at + life, 1, i) for i, (at, life, *_) in enumerate(plan[number])])
    sockets, lines = {}, []
    for at, ends, i in events:
        wait = start + at - time.monotonic()
        if wait > 0: time.sleep(wait)
        _, _, port, server, resets = plan[number][i]
        if not ends:
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.settimeout(5)
            try:
                one.bind(('127.0.0.1', port)); began = time.time_ns(); one.connect(('127.0.0.1', server)); one.send(b'x')
                sockets[i] = (one, began, time.time_ns())
            except OSError: one.close()
        elif i in sockets:
            one, began, connected = sockets.pop(i)
            if resets: one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            ended = time.time_ns(); one.close()
            lines.append(json.dumps({'port': port, 'server': server, 'user': 2000 + number, 'began': began / 1e6, 'connected': connected / 1e6, 'ended': ended / 1e6}) + '\\n')
    for at in range(0, len(lines), 20): os.write(out, ''.join(lines[at:at + 20]).encode())
    os._exit(0)
pids = []
for number in range(processes):
    pid = os.fork()
    if pid == 0: act(number)
    pids.append(pid)
for pid in pids: os.waitpid(pid, 0)
os.write(out, b'over\\n')
sys.stdin.readline()
end()
`;
