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

function urlOf(exporter: RunningCommand): string {
  return exporter.log().find(({ msg }) => msg === 'metrics are served')!['url'] as string;
}

/** The text at a path, asked for from within the namespace. */
async function get(namespace: PrivateNamespace, exporter: RunningCommand, path: string): Promise<string> {
  const ask = `fetch('${urlOf(exporter)}${path}').then(async answer => console.log(answer.status + '\\n' + await answer.text()))`;
  return namespace.run(process.execPath, ['-e', ask]);
}

for (const { name: backend, needs: wanted } of BACKENDS) {
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
