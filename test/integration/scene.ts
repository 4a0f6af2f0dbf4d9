import type { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { Traffic } from '../helpers/kernel/traffic.js';

/** Ports that the rules of {@link furnish} treat in their own way. */
const PORTS = { zone: 5301, originalZone: 5302, replyZone: 5303, mark: 5304, sourceNat: 5305, plain: 5306 } as const;
const CLIENT = '192.0.2.10';
const SERVER = '192.0.2.20';
const SERVICE = '198.51.100.80';
const CLIENT6 = '2001:db8::10';
const SERVER6 = '2001:db8::20';
const SERVICE6 = '2001:db8:80::1';

/** Addresses, zones, marks and NAT, both families. */
export async function furnish(namespace: PrivateNamespace): Promise<void> {
  for (const address of [CLIENT, SERVER, SERVICE]) {
    await namespace.run('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
  }
  for (const address of [CLIENT6, SERVER6, SERVICE6]) {
    await namespace.run('ip', ['address', 'add', `${address}/128`, 'dev', 'lo', 'nodad']);
  }
  await namespace.track();
  await namespace.nft(`table inet scene {
    chain zones {
      type filter hook output priority -300
      udp dport ${PORTS.zone} ct zone set 7
      udp sport ${PORTS.zone} ct zone set 7
      udp dport ${PORTS.originalZone} ct original zone set 8
      udp dport ${PORTS.replyZone} ct reply zone set 9
      udp sport ${PORTS.replyZone} ct reply zone set 9
    }
    chain marks {
      type filter hook output priority 0
      udp dport ${PORTS.mark} ct mark set 0x80000001
    }
    chain destinations {
      type nat hook output priority -100
      ip daddr ${SERVICE} tcp dport 80 dnat ip to ${SERVER}:8080
      ip6 daddr ${SERVICE6} tcp dport 80 dnat ip6 to [${SERVER6}]:8080
    }
    chain sources {
      type nat hook postrouting priority 100
      udp dport ${PORTS.sourceNat} snat ip to 203.0.113.9:40000-40001
    }
  }`);
  await namespace.run('ip', ['address', 'add', '203.0.113.9/32', 'dev', 'lo']);
}

/**
 * One connection of every kind that can be told apart, all open when this returns. No two have the same counters, and no
 * two directions of one.
 */
export async function perform(namespace: PrivateNamespace): Promise<void> {
  const traffic = new Traffic(namespace);
  const web = await traffic.do('tcpListen', { host: '0.0.0.0', port: 8080, answer: 20_000 });
  await traffic.do('tcpListen', { host: '::', port: 8081, answer: 3_000 });
  await traffic.do('tcpListen', { host: SERVER6, port: 8080, answer: 4_000 });
  await traffic.do('tcpOpen', { host: SERVER, port: web.port, local: CLIENT, from: 31001, send: 100, expect: 20_000 });
  await traffic.do('tcpOpen', { host: SERVICE, port: 80, local: CLIENT, from: 31002, send: 200, expect: 20_000 });
  await traffic.do('tcpOpen', { host: SERVER6, port: 8081, local: CLIENT6, from: 31003, send: 300, expect: 3_000 });
  await traffic.do('tcpOpen', { host: SERVICE6, port: 80, local: CLIENT6, from: 31004, send: 400, expect: 4_000 });
  const closed = await traffic.do('tcpOpen', {
    host: SERVER,
    port: web.port,
    local: CLIENT,
    from: 31005,
    send: 500,
    expect: 20_000,
  });
  await traffic.do('tcpClose', { handle: closed.handle });
  let packets = 1;
  for (const port of Object.values(PORTS)) {
    await traffic.do('udpListen', { host: SERVER, port, answer: 70 + packets });
    await traffic.do('udpSend', { host: SERVER, port, local: CLIENT, packets, size: 10 + packets, answered: true });
    packets++;
  }
  await traffic.do('udpListen', { host: SERVER6, port: PORTS.plain, answer: 700 });
  await traffic.do('udpSend', {
    host: SERVER6,
    port: PORTS.plain,
    local: CLIENT6,
    packets: 12,
    size: 33,
    answered: true,
  });
  await traffic.do('udpListen', { host: SERVER, port: 5400 });
  await traffic.do('udpSend', { host: SERVER, port: 5400, local: CLIENT, packets: 11, size: 44, answered: false });
  await namespace.run('ping', ['-c', '3', '-i', '0.2', '-s', '99', '-I', CLIENT, SERVER]);
  await namespace.run('ping', ['-c', '2', '-i', '0.2', '-s', '77', '-I', CLIENT6, SERVER6]);
  // no SCTP sockets in Node: an entry without traffic
  const sctp = ['-p', 'sctp', '--state', 'ESTABLISHED', '--orig-vtag', '1', '--reply-vtag', '2'];
  const tuple = ['-s', CLIENT, '-d', SERVER, '--sport', '1234', '--dport', '5678', '-t', '3600'];
  await namespace.run('conntrack', ['-I', ...sctp, ...tuple]);
}
