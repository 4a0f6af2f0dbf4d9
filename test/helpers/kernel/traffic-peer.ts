/**
 * A program that makes and answers traffic in the network namespace it was started in. It reads one order a line from
 * standard input, `{"id":1,"order":"tcpOpen","with":{…}}`, and answers `{"id":1,"answer":…}` or `{"id":1,"error":"…"}`.
 * The orders and what they take are in traffic.ts, their other end.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, isIPv6, type AddressInfo, type Socket as TcpSocket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Orders } from './traffic.js';

const connections = new Map<number, TcpSocket>();
const captures = new Map<number, Buffer[]>();
let handles = 0;

async function bound(host: string, port = 0): Promise<UdpSocket> {
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 });
  socket.bind(port, host);
  await once(socket, 'listening');
  return socket;
}

function send(socket: UdpSocket, size: number, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) =>
    socket.send(Buffer.alloc(size), port, host, error => (error ? reject(error) : resolve())),
  );
}

const orders: Orders = {
  async tcpListen({ host, port = 0, answer }) {
    const server = createServer({ allowHalfOpen: false }, socket => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(Buffer.alloc(answer)));
    });
    server.listen({ host, port, backlog: 4096 });
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port };
  },

  async tcpOpen({ host, port, local, from, send, expect }) {
    const socket = connect({
      host,
      port,
      ...(local !== undefined && { localAddress: local }),
      ...(from !== undefined && { localPort: from }),
    });
    await once(socket, 'connect');
    socket.on('error', () => {});
    let received = 0;
    const answered = new Promise<void>(resolve => {
      socket.on('data', chunk => {
        received += chunk.length;
        if (received >= expect) resolve();
      });
    });
    socket.write(Buffer.alloc(send));
    await answered;
    const handle = ++handles;
    connections.set(handle, socket);
    return { handle, port: socket.localPort! };
  },

  async tcpSend({ handles, send }) {
    for (const handle of handles) {
      const socket = connections.get(handle)!;
      await new Promise(resolve => socket.write(Buffer.alloc(send), resolve));
    }
    return {};
  },

  async tcpClose({ handle, reset }) {
    const socket = connections.get(handle)!;
    connections.delete(handle);
    const closed = once(socket, 'close');
    if (reset) socket.resetAndDestroy();
    else socket.end();
    await closed;
    return {};
  },

  async udpListen({ host, port = 0, answer }) {
    const socket = await bound(host, port);
    if (answer !== undefined)
      socket.on('message', (_, from) => socket.send(Buffer.alloc(answer), from.port, from.address));
    return { port: socket.address().port };
  },

  async udpSend({ host, port, from = 0, local, packets, size, answered }) {
    const socket = await bound(local ?? (isIPv6(host) ? '::' : '0.0.0.0'), from);
    const { port: used } = socket.address();
    for (let sent = 0; sent < packets; sent++) {
      const answer = answered ? once(socket, 'message') : undefined;
      await send(socket, size, port, host);
      await answer;
    }
    socket.close();
    return { port: used };
  },

  async udpFlows({ host, port, from, flows, size }) {
    for (let made = 0; made < flows; made++) {
      const socket = await bound('0.0.0.0', from + made);
      await send(socket, size, port, host);
      socket.close();
    }
    return {};
  },

  async udpBursts({ host, port, ports, from, flows, packets, size }) {
    for (let flow = 0; flow < flows; flow++) {
      const socket = await bound('0.0.0.0', from + flow);
      for (let sent = 0; sent < packets; sent++) await send(socket, size, port + (flow % ports), host);
      socket.close();
    }
    return {};
  },

  async capture({ host, port }) {
    const handle = ++handles;
    const messages: Buffer[] = [];
    captures.set(handle, messages);
    const socket = await bound(host, port);
    socket.on('message', message => messages.push(message));
    return { handle, port: socket.address().port };
  },

  async captureTcp({ host, port }) {
    const handle = ++handles;
    const streams: Buffer[] = [];
    captures.set(handle, streams);
    const server = createServer(socket => {
      const index = streams.push(Buffer.alloc(0)) - 1;
      socket.on('error', () => {});
      socket.on('data', chunk => {
        streams[index] = Buffer.concat([streams[index], chunk]);
      });
    });
    server.listen({ host, port });
    await once(server, 'listening');
    return { handle, port: (server.address() as AddressInfo).port };
  },

  async captured({ handle, from }) {
    return {
      parts: captures
        .get(handle)!
        .slice(from)
        .map(part => part.toString('base64')),
    };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, order, with: parameters } = JSON.parse(line);
  const run = orders[order as keyof Orders] as (parameters: unknown) => Promise<unknown>;
  run(parameters).then(
    answer => process.stdout.write(`${JSON.stringify({ id, answer })}\n`),
    error => process.stdout.write(`${JSON.stringify({ id, error: String(error) })}\n`),
  );
}
process.exit(0);
