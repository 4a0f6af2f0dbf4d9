/** The alerts, recording rules and dashboard of examples/monitoring, by a real Prometheus that scrapes a real ctflow. */
import test from 'ava';
import { readFileSync, writeFileSync } from 'node:fs';
import { startExporter } from '../helpers/kernel/command.js';
import { freeze } from '../helpers/kernel/freeze.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { Prometheus } from '../helpers/kernel/prometheus.js';
import { needs } from '../helpers/kernel/require.js';
import { ALERTS, NAME_RULES, QUERIES } from '../helpers/monitoring.js';
import { temporaryPath } from '../helpers/temporary.js';
import { Authority } from '../helpers/tls/authority.js';

/** Ports that are not tracked: what is scraped needs no entry of a full table. */
const METRICS = '127.0.0.1:4735';
const API = '127.0.0.1:4736';
/** So many connections end while ctflow stands still, those to this address. */
const ENDING = 2_000;
const ENDED = '127.0.0.9';
/** Polls that stand still for a minute are left to promtool (test/daemon/metrics/rules.test.ts). */
const NOT_HERE = ['CtflowPollsStandStill'];
/** These have the next test: here ctflow has no room for so many. */
const OF_ENTRIES = ['ConntrackOneSource', 'ConntrackSnatPorts', 'ConntrackSnatPortsRunOut'];
/** Nobody has brought these about when ctflow starts. */
const LATER = new Set([
  'ConntrackTableFilling',
  'ConntrackTableFull',
  'ConntrackTableFullSoon',
  'CtflowEventsLost',
  'CtflowConnectionsRefused',
  'CtflowDown',
]);

/** Three where nobody listens, and one that takes what comes and hangs up, again and again. */
function settings(authority: Authority): string {
  const { tlsCertificate, tlsKey } = authority.issue({ names: ['DNS:ctflow'], days: 7 });
  const tls = `tlsCa: ${authority.tlsCa}, tlsCertificate: ${tlsCertificate}, tlsKey: ${tlsKey}`;
  return `maxConnections: 1000
eventBuffer: 4KiB
holdEnded: off
control: off
metrics: ${METRICS}
destinations:
  away: { flowCollectorAddr: 'tcp://127.0.0.1:4740' }
  closed: { flowCollectorAddr: 'udp://127.0.0.1:4741' }
  secure: { flowCollectorAddr: 'tls://127.0.0.1:4742', ${tls} }
  moody: { flowCollectorAddr: 'tcp://127.0.0.1:4743', reconnectInterval: 500ms }
`;
}
const MOODY = `require('node:net').createServer(socket => {
  socket.on('error', () => {}).resume();
  setTimeout(() => socket.resetAndDestroy(), 500);
}).listen(4743, '127.0.0.1')`;

/** One datagram to each of so many ports, and no answer. */
const FILL = `use Socket;
socket(my $socket, PF_INET, SOCK_DGRAM, 0);
my $left = shift;
for my $host (9, 1 .. 8, 10 .. 250) {
  for my $port (1 .. ($host == 9 ? ${ENDING} : 65_000)) {
    send($socket, 'x', 0, sockaddr_in($port, pack('C4', 127, 0, 0, $host)));
    exit 0 if --$left == 0;
  }
}`;
const UNANSWERED = `table inet silence {
  chain in { type filter hook input priority 0; ip daddr 127.0.0.1-127.0.0.250 udp dport != { 4730-4749 } drop; }
}`;

needs(test, ['prometheus', 'namespace', 'conntrack', 'native', 'openssl', 'perl'])(
  'a real Prometheus takes rules and dashboard, and each alert fires for what has happened',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    await namespace.sysctl('nf_conntrack_events', 1);
    await namespace.nft(UNANSWERED);
    namespace.spawn(process.execPath, ['-e', MOODY]);
    const config = temporaryPath(t, 'ctflow.yaml');
    writeFileSync(config, settings(new Authority('alerts')));
    const exporter = await startExporter(namespace, 'native', [], `--config ${config} --flow-poll-interval 3s`);
    const prometheus = new Prometheus(t, namespace, API, METRICS);
    const [entriesNow] = await prometheus.query(['ctflow_conntrack_entries'], true);
    t.is(entriesNow?.data.result.length, 1, prometheus.stderr);
    const before = await prometheus.firing();
    t.deepEqual(
      before.filter(alert => LATER.has(alert)),
      [],
    );

    // the table fills, and ctflow's own room is small
    const limit = Number(await namespace.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_max']));
    await namespace.run('perl', ['-e', FILL, String(limit + 1_000)]);
    // ctflow stands still while connections end
    await freeze(exporter.pid);
    await namespace.run('conntrack', ['-D', '-d', ENDED]);
    process.kill(exporter.pid, 'SIGCONT');
    const wanted = ALERTS.filter(alert => ![...NOT_HERE, ...OF_ENTRIES, 'CtflowDown'].includes(alert));
    const firing = await prometheus.firing(wanted);
    t.deepEqual(
      wanted.filter(alert => !firing.includes(alert)),
      [],
      exporter.stderr,
    );

    for (const [i, answer] of (await prometheus.query(QUERIES)).entries())
      t.is(answer.status, 'success', `${QUERIES[i]}: ${answer.error}`);
    // what is there on any kernel, by the names of others
    const there = NAME_RULES.filter(({ expr }) => !/denied/.test(expr)).map(({ record }) => record!);
    for (const [i, { data }] of (await prometheus.query(there, true)).entries()) t.is(data.result.length, 1, there[i]);

    await exporter.stop();
    t.true((await prometheus.firing(['CtflowDown'])).includes('CtflowDown'));
  },
);

/** So many entries of one source are translated to one address, each with a port of its own. */
const TRANSLATED = 33_000;

needs(test, ['prometheus', 'namespace', 'conntrack', 'native'])(
  'alerts fire for one source that has most of the table, and for ports that run out',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const limit = Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_max', 'utf8'));
    const entries = Array.from({ length: Math.floor(limit / 2) + 1 }, (_, i) => {
      const [high, low] = [1 + Math.floor(i / 60_000), 1_024 + (i % 60_000)];
      const one = `-I -p udp -s 192.0.2.1 -d 198.51.100.${high} --sport ${low} --dport 53 -t 3600`;
      return i < TRANSLATED
        ? `${one} -r 198.51.100.${high} -q 203.0.113.1 --reply-port-src 53 --reply-port-dst ${low}`
        : one;
    });
    const script = temporaryPath(t, 'entries');
    writeFileSync(script, `${entries.join('\n')}\n`);
    await namespace.run('conntrack', ['-R', script]);
    await startExporter(
      namespace,
      'native',
      [],
      `--config none --metrics ${METRICS} --snat-ports 203.0.113.1=1024-65535`,
    );
    const prometheus = new Prometheus(t, namespace, API, METRICS);
    const firing = await prometheus.firing(OF_ENTRIES);
    t.deepEqual(
      OF_ENTRIES.filter(alert => !firing.includes(alert)),
      [],
      prometheus.stderr,
    );
  },
);
