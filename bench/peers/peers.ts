import { lacking } from '../../test/helpers/kernel/require.js';
import { ANTREA_PEER, buildGo, GO_PEERS } from './go.js';

interface Peer {
  readonly name: string;
  readonly summary: string;
  /** Why it cannot be measured here, undefined where it can. */
  lacks(): string | undefined;
}

/** The programs that ctflow is compared with. */
export const PEERS: readonly Peer[] = [
  { name: 'conntrack', summary: 'conntrack -L -o extended', lacks: () => lacking('conntrack') },
  { name: 'ti-mo', summary: 'github.com/ti-mo/conntrack', lacks: once(() => buildGo(GO_PEERS)) },
  { name: 'go-ipfix', summary: 'github.com/vmware/go-ipfix', lacks: once(() => buildGo(GO_PEERS)) },
  { name: 'antrea', summary: "Antrea's connection store and exporter", lacks: once(() => buildGo(ANTREA_PEER)) },
  { name: 'ulogd2', summary: 'ulogd2, conntrack events to IPFIX', lacks: () => lacking('ulogd') },
  { name: 'softflowd', summary: 'softflowd, packets to IPFIX', lacks: () => lacking('softflowd') },
];

/** Those of the peers that are here; who is left out is named. */
export function availablePeers(names: readonly string[]): string[] {
  return names.filter(name => {
    const reason = PEERS.find(peer => peer.name === name)!.lacks();
    if (reason) process.stderr.write(`bench:peers: ${name} is left out: ${reason}\n`);
    return !reason;
  });
}

function once<T>(ask: () => T): () => T {
  let answer: { readonly value: T } | undefined;
  return () => (answer ??= { value: ask() }).value;
}
