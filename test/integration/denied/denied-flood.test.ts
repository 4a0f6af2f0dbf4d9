/**
 * On the real kernel: many denied packets over many tuples and ten rules are exported exactly, and none of them twice.
 * CTFLOW_DENIED_PACKETS=100000 CTFLOW_DENIED_TUPLES=1000 is the large form.
 */
import test from 'ava';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';
import { DenialExport, denyingRouter, flowsTo, ruleCounter, SERVER } from './denied-scene.js';

const PACKETS = Number(process.env['CTFLOW_DENIED_PACKETS'] ?? 4_000);
const TUPLES = Number(process.env['CTFLOW_DENIED_TUPLES'] ?? 200);
const DENIED_RULES = 10;
const FIRST_PORT = 8000;
/** Connections that are established, and whose later datagrams are denied. */
const CONNECTIONS = 20;
const SERVICE = 9000;
const HEADERS = 28;

const numbers = Array.from({ length: DENIED_RULES }, (_, rule) => rule);
const RULES = `table inet deny {
  ${numbers.map(rule => `counter rule${rule} { }`).join('\n')}
  counter within { }
  chain forward { type filter hook forward priority 0;
    udp dport ${SERVICE} udp length 108 counter name within log group 5 snaplen 64 prefix "ctflow:drop:in:prod/web:within" drop
    ${numbers
      .map(
        rule =>
          `udp dport ${FIRST_PORT + rule} counter name rule${rule} log group 5 snaplen 64 prefix "ctflow:drop:in:prod/web:r${rule}" drop`,
      )
      .join('\n')}
  }
}`;

needs(test.serial, ['namespace', 'conntrack', 'native'])(
  `${PACKETS} denied packets over ${TUPLES} tuples and ${DENIED_RULES} rules: exact, and none of them twice`,
  async t => {
    t.timeout(300_000);
    const { router, client, server } = await denyingRouter(t, RULES);
    const denials = await DenialExport.start(router, '--mtu 1400 --flow-poll-interval 1s');
    const [near, far] = [new Traffic(client), new Traffic(server)];
    await far.do('udpListen', { host: SERVER, port: SERVICE, answer: 20 });
    for (let from = 20_000; from < 20_000 + CONNECTIONS; from++) {
      await near.do('udpSend', { host: SERVER, port: SERVICE, from, packets: 1, size: 50, answered: true });
    }
    const size = 100;
    const burst = { host: SERVER, size, packets: PACKETS / TUPLES };
    await near.do('udpBursts', { ...burst, port: SERVICE, ports: 1, from: 20_000, flows: CONNECTIONS });
    await near.do('udpBursts', { ...burst, port: FIRST_PORT, ports: DENIED_RULES, from: 30_000, flows: TUPLES });
    const { records, counts } = await denials.stop(t);

    const within = (PACKETS / TUPLES) * CONNECTIONS;
    t.like(counts, { overflow: 0, refusedPackets: 0, evicted: 0, matched: within, matchedLate: 0, added: TUPLES });
    t.like(counts['nflog'], { packets: PACKETS + within, lost: 0 });
    let [packets, octets, flows] = [0, 0, 0];
    for (const rule of numbers) {
      const told = flowsTo(records, FIRST_PORT + rule);
      const sum = (what: 'packets' | 'octets') => told.reduce((all, { [what]: n }) => all + n, 0);
      t.deepEqual([sum('packets'), sum('octets')], await ruleCounter(router, `rule${rule}`), `rule ${rule}`);
      t.true(told.every(({ denied }) => denied === 3));
      packets += sum('packets');
      octets += sum('octets');
      flows += told.length;
    }
    t.deepEqual([packets, octets, flows], [PACKETS, PACKETS * (size + HEADERS), TUPLES]);
    const connections = flowsTo(records, SERVICE);
    t.is(connections.length, CONNECTIONS, 'no denied flow beside a connection');
    for (const flow of connections) {
      t.like(flow, { packets: 1 + PACKETS / TUPLES, replyPackets: 1, replyOctets: 20 + HEADERS, denied: 3 });
    }
    t.deepEqual(await ruleCounter(router, 'within'), [within, within * (size + HEADERS)]);
  },
);
