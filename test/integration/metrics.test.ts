/** On the real kernel: what Prometheus reads of `ctflow run`. */
import test from 'ava';
import { samplesOf } from '../helpers/exposition.js';
import { eventually } from '../helpers/eventually.js';
import { BACKENDS, ctflow, type RunningCommand, startExporter } from '../helpers/kernel/command.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';

/** Scrapes are connections too. */
const SERVE = '--metrics 127.0.0.1:0 --config none --protocol-filter udp';

/** As `conntrack -S` and the metrics call them. */
const COUNTERS = [
  'found',
  'invalid',
  'insert',
  'insert_failed',
  'drop',
  'early_drop',
  'search_restart',
  'clash_resolve',
  'chaintoolong',
] as const;

function urlOf(exporter: RunningCommand): string {
  return exporter.log().find(({ msg }) => msg === 'metrics and health are served')!['url'] as string;
}

/** Scrapes from within the namespace until these samples are there, as they stand in the text. */
async function scrape(
  namespace: PrivateNamespace,
  exporter: RunningCommand,
  ...wanted: readonly string[]
): Promise<Map<string, number>> {
  const script = `for (const end = Date.now() + 60000; ; await new Promise(resolve => setTimeout(resolve, 100))) {
    const text = await (await fetch('${urlOf(exporter)}/metrics')).text();
    if (!${JSON.stringify(wanted)}.every(line => text.includes('\\n' + line + '\\n')) && Date.now() < end) continue;
    console.log(text);
    break;
  }`;
  return samplesOf(await namespace.run(process.execPath, ['--input-type=module', '-e', script]));
}

/** `conntrack -S`: what each CPU has counted, over all of them. */
async function kernelCounters(namespace: PrivateNamespace): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [, name, value] of (await namespace.run('conntrack', ['-S'])).matchAll(/(\w+)=(\d+)/g))
    sums[name] = (sums[name] ?? 0) + Number(value);
  return sums;
}

needs(test, ['native', 'namespace', 'conntrack'])(
  'denied packets and events are counted without a destination, in a namespace by name too',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    await namespace.nft(
      'table inet deny { chain out { type filter hook output priority 1; udp dport 9 log group 5 prefix "no" drop; }; }',
    );
    const traffic = new Traffic(namespace);
    // its metrics are served where ctflow is, and its connections those of the namespace
    const netns = `--netns /proc/${namespace.pid}/ns/net --nflog-group 5`;
    const exporter = await startExporter(namespace, 'native', [], `${SERVE} ${netns}`, 'owner');
    // each is refused with an error
    for (const from of [5000, 5001, 5002])
      await t.throwsAsync(traffic.do('udpFlows', { host: '127.0.0.1', port: 9, from, flows: 1, size: 10 }));
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1', port: 1000 });
    await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 6000, flows: 2, size: 10 });
    const shown = (...wanted: string[]): Promise<unknown> =>
      eventually(wanted.join(', '), async () => {
        const text = await (await fetch(`${urlOf(exporter)}/metrics`)).text();
        return wanted.every(line => text.includes(`\n${line}\n`));
      });
    await shown('ctflow_denied_flows 3', 'ctflow_connections_added_total 2');
    await namespace.run('conntrack', ['-D', '-p', 'udp', '--dport', String(port)]);
    await shown('ctflow_events_total{kind="destroy"} 2', 'ctflow_stored_connections 0');
    const taken = new URL(urlOf(exporter)).host;
    const second = await ctflow(namespace, ['run', '--config', 'none', '--metrics', taken], { where: 'owner' });
    t.is(second.code, 1);
    t.regex(second.stderr, /CTFLOW_ADDRESS: Metrics cannot be served at 127\.0\.0\.1:\d+ \(EADDRINUSE\)/);
    t.is((await exporter.stop()).code, 0);
  },
);

for (const { name: backend, needs: wanted } of BACKENDS) {
  needs(test, ['namespace', 'conntrack', ...wanted])(
    `${backend}: the kernel's own counters, its entries and their kinds are those that it tells others`,
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      const exporter = await startExporter(namespace, backend, [], '--metrics 127.0.0.1:0 --config none');
      const insert = '-I -s 192.0.2.1 -d 192.0.2.2 --timeout 3600';
      const add = (what: string): Promise<string> => namespace.run('conntrack', `${insert} ${what}`.split(' '));
      await add('-p tcp --state ESTABLISHED --sport 1 --dport 2');
      await add('-p tcp --state TIME_WAIT --sport 2 --dport 2 --zone 7');
      await add('-p udp --sport 1 --dport 2');
      await namespace.run(
        'conntrack',
        '-I -s 2001:db8::1 -d 2001:db8::2 --timeout 3600 -p udp --sport 1 --dport 2 --zone 7'.split(' '),
      );
      // the answer to a packet that is not tracked belongs to no connection
      const traffic = new Traffic(namespace);
      await traffic.do('udpFlows', { host: '127.0.0.1', port: 4739, from: 4000, flows: 3, size: 10 });
      const kinds: Readonly<Record<string, number>> = {
        'ctflow_connections{protocol="tcp",state="ESTABLISHED",family="ipv4"}': 1,
        'ctflow_connections{protocol="tcp",state="TIME_WAIT",family="ipv4"}': 1,
        'ctflow_connections{protocol="udp",state="UNREPLIED",family="ipv4"}': 1,
        'ctflow_connections{protocol="udp",state="UNREPLIED",family="ipv6"}': 1,
        'ctflow_zone_connections{zone="7"}': 2,
      };
      const samples = await scrape(namespace, exporter, 'ctflow_zone_connections{zone="7"} 2');
      for (const [name, count] of Object.entries(kinds)) t.true(samples.get(name)! >= count, name);
      const { error, ...counters } = await kernelCounters(namespace);
      t.true(counters['insert'] >= 4 && error >= 1);
      for (const name of COUNTERS) t.is(samples.get(`ctflow_conntrack_${name}_total`), counters[name], name);
      t.is(samples.get('ctflow_conntrack_icmp_error_total'), error);
      t.true(samples.get('ctflow_conntrack_entries')! >= 4);
      const limit = await namespace.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_max']);
      t.is(samples.get('ctflow_conntrack_entries_limit'), Number(limit));
      t.is((await exporter.stop()).code, 0);
    },
  );
}
