import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { type Answer, decode, encode, type Packet, streamEncode, TRUNCATED_RESPONSE } from 'dns-packet';
import type { Scope } from './kernel/scope.js';

/** What is answered to the name of a question: names that it points to, a code of DNS other than 0, or nothing at all. */
export type DnsAnswer = readonly string[] | 'SERVFAIL' | 'REFUSED' | 'NXDOMAIN' | 'silence' | Buffer;

export interface DnsServer {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Names that were asked for, in order. */
  readonly asked: string[];
}

const CODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;
/** Octets of an answer over UDP. */
const MOST_UDP = 512;

/** A server of reverse zones on loopback, over UDP and TCP, that goes with the scope. @param answer to a name; later where it takes its time */
export async function dnsServer(
  scope: Scope,
  answer: (name: string) => DnsAnswer | Promise<DnsAnswer>,
): Promise<DnsServer> {
  const asked: string[] = [];
  const reply = async (packet: Buffer): Promise<{ id: number; whole: Partial<Packet> } | Buffer | undefined> => {
    const { id = 0, questions = [] } = decode(packet);
    const [question] = questions;
    asked.push(question.name);
    const found = await answer(question.name);
    if (found === 'silence' || Buffer.isBuffer(found)) return found === 'silence' ? undefined : found;
    const base = { id, type: 'response', questions } as const;
    if (typeof found === 'string') return { id, whole: { ...base, flags: CODES[found] } };
    const answers = found.map((data): Answer => ({ type: 'PTR', name: question.name, ttl: 60, data }));
    return { id, whole: { ...base, answers } };
  };
  const udp = createSocket('udp4');
  udp.on('message', (packet, { port, address }) => {
    void reply(packet).then(sent => {
      if (!sent) return;
      if (Buffer.isBuffer(sent)) return udp.send(sent, port, address);
      const bytes = encode(sent.whole);
      const { answers: _, ...head } = sent.whole;
      udp.send(bytes.length > MOST_UDP ? encode({ ...head, flags: TRUNCATED_RESPONSE }) : bytes, port, address);
    });
  });
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  const { port } = udp.address();
  const sockets = new Set<Socket>();
  const tcp = createServer(socket => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', data => {
      void reply(data.subarray(2)).then(
        sent => sent && !Buffer.isBuffer(sent) && socket.write(streamEncode(sent.whole)),
      );
    });
  });
  tcp.listen(port, '127.0.0.1');
  await once(tcp, 'listening');
  scope.teardown(() => {
    udp.close();
    tcp.close();
    for (const socket of sockets) socket.destroy();
  });
  return { address: `127.0.0.1:${(tcp.address() as AddressInfo).port}`, asked };
}
