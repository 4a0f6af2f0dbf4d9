/** The flight recorder on the real kernel: what it writes out shows the connections that the kernel has had. */
import test from 'ava';
import { readdirSync } from 'node:fs';
import { BACKENDS, ctflow, type RunningCommand, startExporter } from '../helpers/kernel/command.js';
import { ctflow as here } from '../helpers/kernel/cli.js';
import { eventually } from '../helpers/eventually.js';
import { flows, udpCollector } from '../helpers/fakes/collector-socket.js';
import { PrivateNamespace } from '../helpers/kernel/namespace.js';
import { needs } from '../helpers/kernel/require.js';
import { Traffic } from '../helpers/kernel/traffic.js';
import { temporaryPath } from '../helpers/temporary.js';

const FIRST = 20_000;
const FLOWS = 20;
const SIZE = 10;
const UDP_HEADERS = 28;

for (const { needs: wanted } of BACKENDS.filter(({ name }) => name === 'native')) {
  needs(test, ['namespace', 'conntrack', ...wanted])(
    'a recording has what came and went between two polls, by command and by SIGUSR2, and outlives a kill',
    async t => {
      const namespace = await PrivateNamespace.create(t);
      await namespace.track();
      await namespace.sysctl('nf_conntrack_events', 1);
      const directory = temporaryPath(t, 'record');
      const control = temporaryPath(t, 'control.sock');
      const start = (): Promise<RunningCommand> => {
        const record = `--record-last 10m --record-size 16MiB --record-directory ${directory}`;
        const flags = `--events all --flow-poll-interval 1h --control ${control} ${record}`;
        return startExporter(namespace, 'native', ['udp://127.0.0.1:4739'], flags);
      };
      const traffic = new Traffic(namespace);
      await traffic.do('udpListen', { host: '127.0.0.1', port: 4739 });
      let exporter = await start();
      const { port } = await traffic.do('udpListen', { host: '127.0.0.1' });
      const talk = (from: number): Promise<object> =>
        traffic.do('udpFlows', { host: '127.0.0.1', port, from, flows: FLOWS, size: SIZE });
      await talk(FIRST);
      await namespace.run('conntrack', ['-D', '-p', 'udp', '--dport', String(port)]);
      await talk(FIRST + FLOWS);
      const written = await ctflow(namespace, ['record', 'dump', '--control', control]);
      t.is(written.code, 0, written.stderr);
      const path = written.stdout.trim();
      const expected = Array.from({ length: 2 * FLOWS }, (_, i) => FIRST + i);
      for (const { name } of BACKENDS) t.deepEqual(await playedPorts(path, name, port), expected, name);

      // what a killed exporter has left goes on
      await exporter.stop('SIGKILL');
      exporter = await start();
      await talk(FIRST + 2 * FLOWS);
      process.kill(exporter.pid, 'SIGUSR2');
      await eventually('a recording', () => exporter.messages().includes('a recording is written'));
      const signalled = readdirSync(directory).find(name => name.endsWith('-signal.ctflow'));
      t.truthy(signalled);
      const all = Array.from({ length: 3 * FLOWS }, (_, i) => FIRST + i);
      t.deepEqual(await playedPorts(`${directory}/${signalled}`, 'native', port), all);

      const status = await ctflow(namespace, ['status', '--control', control]);
      t.regex(status.stdout, /^recorder {5}holds \d+/m);
      const copy = temporaryPath(t, 'copy.ctflow');
      const copied = await ctflow(namespace, ['record', 'dump', copy, '--control', control]);
      t.is(copied.code, 0, copied.stderr);
      t.deepEqual(await playedPorts(copy, 'native', port), all);
      t.is((await exporter.stop()).code, 0);
      const { recorder } = exporter.log().at(-1) as { recorder: { recordings: number; errors: number; dumps: number } };
      t.like(recorder, { recordings: 2, errors: 0 });

      /** Source ports of the flows to `server` that a replay exports; each flow once, with all that it counted. */
      async function playedPorts(recording: string, backend: string, server: number): Promise<number[]> {
        const collector = await udpCollector(t);
        const to = ['--collector', `udp://127.0.0.1:${collector.endpoint.port}`];
        const quick = ['--flow-poll-interval', '10ms', '--control', 'off', '--backend', backend];
        const run = await here(['run', ...to, '--source', `replay:${recording}`, ...quick]);
        t.is(run.code, 0, run.stderr);
        const { recordsExported } = JSON.parse(run.stderr.trimEnd().split('\n').at(-1)!) as { recordsExported: number };
        await eventually('every record', () => flows(collector).length === recordsExported);
        const ended = flows(collector).filter(record => record.get('destinationTransportPort') === server);
        for (const record of ended) {
          t.is(Number(record.get('octetTotalCount')), SIZE + UDP_HEADERS);
          t.is(Number(record.get('packetDeltaCount')), 1);
        }
        return ended.map(record => Number(record.get('sourceTransportPort'))).toSorted((a, b) => a - b);
      }
    },
  );
}
