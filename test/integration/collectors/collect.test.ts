/** `ctflow collect` reads what `ctflow run` sends, over UDP and TCP, as conntrack -L says. */
import test from 'ava';
import { BACKENDS, RunningCommand, startExporter } from '../../helpers/kernel/command.js';
import { settledConnections } from '../../helpers/kernel/conntrack-list.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import type { OracleRecord } from '../../helpers/oracles/record.js';
import { needs } from '../../helpers/kernel/require.js';
import { compareStandard } from '../compare.js';
import { furnish, perform } from '../scene.js';

/** A line of `ctflow collect --format json` as the other peers' records are. */
function fromJson(line: string): OracleRecord {
  const { exporter, observationDomain, exportTime, template, options, ...elements } = JSON.parse(line);
  return Object.fromEntries(
    Object.entries(elements).map(([name, value]) => [
      name,
      typeof value === 'string' && name.endsWith('Milliseconds') ? String(Date.parse(value)) : String(value),
    ]),
  );
}

for (const { name: backend, needs: wanted } of BACKENDS) {
  for (const protocol of ['udp', 'tcp']) {
    needs(test.serial, ['namespace', 'conntrack', 'ping', ...wanted])(
      `${backend}: ctflow collect receives over ${protocol} what conntrack -L shows`,
      async t => {
        const namespace = await PrivateNamespace.create(t);
        await furnish(namespace);
        const endpoint = `${protocol}://127.0.0.1:4739`;
        const collector = new RunningCommand(namespace, ['collect', '--format', 'json', '--listen', endpoint]);
        await eventually('the collector listens', () => collector.stderr.includes('listening'));
        const exporter = await startExporter(namespace, backend, [endpoint], '--zero-delta-records');
        await perform(namespace);
        const listed = await settledConnections(namespace);
        t.is((await exporter.stop('SIGINT')).code, 0);
        const { recordsExported } = exporter.log().at(-1) as { recordsExported: number };
        await eventually('everything is collected', () => {
          const lines = collector.stdout.split('\n').filter(line => line.includes('"protocolIdentifier"'));
          return lines.length >= recordsExported;
        });
        const { code, stdout, stderr } = await collector.stop();
        t.is(code, 0, stderr);
        t.regex(stderr, new RegExp(`\\b${recordsExported} records, 0 lost, 0 undecodable sets, 0 malformed messages`));
        const records = stdout.split('\n').filter(Boolean).map(fromJson);
        compareStandard(t, records, listed, backend);
      },
    );
  }
}
