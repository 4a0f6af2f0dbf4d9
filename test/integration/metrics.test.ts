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

/** The text at a path, asked for from within the namespace. */
async function get(namespace: PrivateNamespace, exporter: RunningCommand, path: string): Promise<string> {
  const ask = `fetch('${urlOf(exporter)}${path}').then(async answer => console.log(answer.status + '\\n' + await answer.text()))`;
  return namespace.run(process.execPath, ['-e', ask]);
}

/** `conntrack -S`: what each CPU has counted, over all of them. */
async function kernelCounters(namespace: PrivateNamespace): Promise<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const [, name, value] of (await namespace.run('conntrack', ['-S'])).matchAll(/(\w+)=(\d+)/g))
    sums[name] = (sums[name] ?? 0) + Number(value);
  return sums;
}

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
      let samples = new Map<string, number>();
      await eventually('all kinds', async () => {
        samples = samplesOf(await get(namespace, exporter, '/metrics'));
        return (samples.get('ctflow_zone_connections{zone="7"}') ?? 0) === 2;
      });
      for (const [name, count] of Object.entries(kinds)) t.true(samples.get(name)! >= count, name);
      const { error, ...counters } = await kernelCounters(namespace);
      t.true(counters['insert'] >= 4 && error >= 1);
      for (const name of COUNTERS) t.is(samples.get(`ctflow_conntrack_${name}_total`), counters[name], name);
      t.is(samples.get('ctflow_conntrack_icmp_error_total'), error);
      t.true(samples.get('ctflow_conntrack_entries')! >= 4);
      const limit = await namespace.run('cat', ['/proc/sys/net/netfilter/nf_conntrack_max']);
      t.is(samples.get('ctflow_conntrack_entries_limit'), Number(limit));
      await exporter.stop();
    },
  );

  needs(test, ['namespace', ...wanted])(`${backend}: connections are counted without a destination`, async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    const traffic = new Traffic(namespace);
    const { port } = await traffic.do('udpListen', { host: '127.0.0.1', port: 1000 });
    await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 2000, flows: 5, size: 10 });
    const exporter = await startExporter(namespace, backend, [], SERVE);
    const scrape = async (): Promise<Map<string, number>> => samplesOf(await get(namespace, exporter, '/metrics'));
    const samples = await scrape();
    t.is(samples.get('ctflow_connections_added_total'), 5);
    t.is(samples.get('ctflow_stored_connections'), 5);
    await traffic.do('udpFlows', { host: '127.0.0.1', port, from: 3000, flows: 2, size: 10 });
    await eventually('the next', async () => (await scrape()).get('ctflow_connections_added_total') === 7);
    const taken = new URL(urlOf(exporter)).host;
    const second = await ctflow(namespace, ['run', '--backend', backend, '--config', 'none', '--metrics', taken]);
    t.is(second.code, 1);
    t.regex(second.stderr, /CTFLOW_ADDRESS: Metrics cannot be served at 127\.0\.0\.1:\d+ \(EADDRINUSE\)/);
    t.is((await exporter.stop()).code, 0);
  });
}
