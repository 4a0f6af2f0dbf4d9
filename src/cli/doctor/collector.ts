import { X509Certificate } from 'node:crypto';
import { accessSync, constants, statfsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { dirname } from 'node:path';
import { TLSSocket } from 'node:tls';
import type { Backend } from '../../backend/backend.js';
import { formatDestination } from '../../common/destination-endpoint.js';
import type { Endpoint } from '../../common/endpoint.js';
import { CtflowError, errnoOf } from '../../common/errors.js';
import type { DestinationConfig } from '../../config/run-config.js';
import { meaningOf } from '../../destination/failure-meaning.js';
import { IPFIX_VERSION, MESSAGE_HEADER } from '../../ipfix/message.js';
import { resolveAll, type Address } from '../../transport/addresses.js';
import { dial } from '../../transport/dial.js';
import { DtlsConnection } from '../../transport/dtls/connection.js';
import { DtlsContexts } from '../../transport/dtls/contexts.js';
import type { DtlsSession } from '../../transport/dtls/engine.js';
import { headersOf, packetLimit } from '../../transport/packet.js';
import { probeDatagram } from '../../transport/probe.js';
import { serverName, TlsClient } from '../../transport/tls-client.js';
import { certificateFinding } from './certificates.js';
import { error, ok, warning, type Finding } from './finding.js';

/** Milliseconds for one collector, all of it. */
const PATIENCE_MS = 5_000;
/** Milliseconds in which an ICMP error comes back. */
const ICMP_MS = 500;
const NO_ANSWER = 'no answer';
const NO_NAME_SERVER = Object.assign(new Error(NO_ANSWER), { code: 'EAI_AGAIN' });
/** Bytes of a file system, below which files have no room. */
const LITTLE_ROOM = 100 << 20;

/** Which backend makes the sockets, and how long a collector has. */
export interface CollectorTools {
  readonly backend: Pick<Backend, 'connectDatagram' | 'createDtlsContext'>;
  readonly now: number;
  readonly patience?: number;
}

type Collector = DestinationConfig & { readonly endpoint: Endpoint };

/**
 * Whether a collector can be reached as `ctflow run` reaches it: name, route, and what its protocol shows. Nothing is exported: over
 * UDP a message without any set goes out, over TCP, TLS and DTLS a connection is made and closed.
 */
export async function checkCollector(destination: DestinationConfig, tools: CollectorTools): Promise<Finding[]> {
  const { endpoint, name } = destination;
  if (endpoint.protocol === 'file') return [checkFolder(endpoint.path, name)];
  const collector: Collector = { ...destination, endpoint };
  const patience = tools.patience ?? PATIENCE_MS;
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(new Error(NO_ANSWER)), patience);
  const over = new Promise<never>((_, reject) =>
    giveUp.signal.addEventListener('abort', () => reject(giveUp.signal.reason as Error)),
  );
  const where = formatDestination(endpoint);
  try {
    const silent = over.catch(() => Promise.reject(NO_NAME_SERVER));
    const addresses = await Promise.race([resolveAll(endpoint.host, localEnd(collector)), silent]);
    const { found, certificate } = await Promise.race([reach(collector, addresses, tools, giveUp.signal), over]);
    const reached = ok(`${where}: ${found}`, name);
    if (!certificate) return [reached];
    return [reached, certificateFinding(certificate, `certificate of ${where}`, tools.now, name)];
  } catch (failure) {
    return [unreachable(collector, where, failure)];
  } finally {
    clearTimeout(timer);
    giveUp.abort(new Error(NO_ANSWER));
    over.catch(() => {});
  }
}

function unreachable({ endpoint, name }: Collector, where: string, failure: unknown): Finding {
  const why = errnoOf(failure) || (failure as Error).message;
  const { host, port } = endpoint;
  if (failure instanceof CtflowError) {
    const found = `${where}: ${failure.message}. ${failure.hint}`;
    return failure.code === 'CTFLOW_BACKEND_LACKS' ? warning(found, undefined, name) : error(found, undefined, name);
  }
  const meaning = meaningOf(why);
  const found = `${where}: ${why}${meaning === undefined ? '' : `: ${meaning}`}`;
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(why)) return error(found, `getent ahosts ${host}`, name);
  if (['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EINVAL'].includes(why))
    return error(found, `ip route get ${host}`, name);
  const secured = endpoint.protocol === 'tls' || endpoint.protocol === 'dtls';
  if (secured && !['ECONNREFUSED', NO_ANSWER].includes(why)) {
    const dtls = endpoint.protocol === 'dtls' ? ' -dtls1_2' : '';
    return error(found, `openssl s_client${dtls} -connect ${host.includes(':') ? `[${host}]` : host}:${port}`, name);
  }
  const transport = endpoint.protocol === 'udp' || endpoint.protocol === 'dtls' ? 'udp' : 'tcp';
  return error(found, `ss -ln${transport[0]}p 'sport = :${port}' # on ${host}: does the collector listen?`, name);
}

interface Reached {
  readonly found: string;
  readonly certificate?: X509Certificate | undefined;
}

/** A port of its own: that of a running exporter is taken. */
function localEnd({ localAddress }: Collector): { localAddress?: string } {
  return localAddress === undefined ? {} : { localAddress };
}

async function reach(
  collector: Collector,
  addresses: readonly Address[],
  tools: CollectorTools,
  signal: AbortSignal,
): Promise<Reached> {
  const names = addresses.map(({ address }) => address).join(', ');
  switch (collector.endpoint.protocol) {
    case 'udp':
      return { found: await reachByUdp(collector, addresses, tools) };
    case 'dtls':
      return reachByDtls(collector, addresses, tools, signal);
    case 'tcp':
      (await dial(collector.endpoint, localEnd(collector), signal, tcp => tcp)).destroy();
      return { found: `connects over TCP (${names})` };
    case 'tls': {
      const client = new TlsClient(collector.endpoint, collector, () => {});
      const handshake = (tcp: Socket): Promise<TLSSocket> => client.handshake(tcp, signal);
      const socket = await dial(collector.endpoint, localEnd(collector), signal, handshake);
      const found = `handshake of ${socket.getProtocol()} (${names})`;
      const certificate = socket.getPeerX509Certificate();
      socket.destroy();
      return { found, certificate };
    }
  }
}

/** The first address that no ICMP error comes from. */
async function reachByUdp(
  collector: Collector,
  addresses: readonly Address[],
  { backend, now }: CollectorTools,
): Promise<string> {
  let failure: unknown;
  for (const { address, family } of addresses) {
    const { port } = collector.endpoint;
    const to = { address, family, port, ...localEnd(collector), segment: false };
    try {
      await probeDatagram(backend.connectDatagram, to, emptyMessage(now), ICMP_MS);
      return `${address} has a route, and no ICMP error came back; UDP shows no more`;
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** RFC 7011 section 3.1: a header, here of observation domain 0, may stand without sets. */
function emptyMessage(now: number): Uint8Array {
  const message = Buffer.alloc(MESSAGE_HEADER);
  message.writeUInt16BE(IPFIX_VERSION, 0);
  message.writeUInt16BE(MESSAGE_HEADER, 2);
  message.writeUInt32BE(Math.floor(now / 1000) >>> 0, 4);
  return message;
}

async function reachByDtls(
  collector: Collector,
  addresses: readonly Address[],
  { backend }: CollectorTools,
  signal: AbortSignal,
): Promise<Reached> {
  const { endpoint, mtu, tlsPeerName } = collector;
  const contexts = new DtlsContexts(collector, backend.createDtlsContext, () => {});
  let failure: unknown;
  for (const { address, family } of addresses) {
    let session: DtlsSession | undefined;
    const begin = (): DtlsSession => {
      const packet = packetLimit(mtu, undefined);
      return (session = contexts.read().client(serverName(endpoint.host, collector), packet, headersOf(family)));
    };
    const to = { address, family, port: endpoint.port, ...localEnd(collector), segment: false };
    try {
      const connection = await DtlsConnection.open(to, begin, tlsPeerName, SILENT, signal);
      const der = session!.peerCertificate();
      await connection.close();
      return {
        found: `handshake of DTLS 1.2 (${address})`,
        certificate: der === null ? undefined : new X509Certificate(der),
      };
    } catch (error) {
      failure = error;
      signal.throwIfAborted();
    }
  }
  throw failure;
}

const SILENT = {
  sent: () => {},
  refused: () => {},
  failed: () => false,
  ready: () => {},
  ended: () => {},
  doubted: () => {},
};

function checkFolder(path: string, name: string): Finding {
  const folder = dirname(path);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(folder);
    const room = bavail * bsize;
    const found = `${folder} can be written, ${Math.floor(room / 2 ** 20)} MiB are free`;
    return room < LITTLE_ROOM ? warning(found, `df -h ${folder}`, name) : ok(found, name);
  } catch (failure) {
    const found = `files cannot be written to ${folder}: ${errnoOf(failure)}`;
    return error(found, `install -d -o $(id -u) ${folder}`, name);
  }
}
