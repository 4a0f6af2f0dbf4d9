/** What is known of addresses, on the command line: with a recording between 192.0.2.2 and 198.51.100.2, and IPv6. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { perBackend } from '../helpers/backends.js';
import { mmdb } from '../helpers/builders/mmdb.js';
import { dnsServer } from '../helpers/dns-server.js';
import { ctflow, RECORDING } from '../helpers/kernel/cli.js';
import { temporaryFolder, temporaryPath } from '../helpers/temporary.js';

const REPLAY = ['--source', `replay:${RECORDING}`];

function database(t: ExecutionContext): string {
  const file = temporaryPath(t, 'test.mmdb');
  writeFileSync(
    file,
    mmdb({
      '198.51.100.0/24': { autonomous_system_number: 64_500, country: { iso_code: 'DE' } },
      '203.0.113.0/24': { autonomous_system_number: 4_200_000_000 },
      '2001:db8:2::/48': { autonomous_system_number: 64_501, country: { iso_code: 'FR' } },
    }),
  );
  return file;
}

const linesOf = (text: string): Record<string, unknown>[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);

perBackend(
  'a record has the numbers and countries that are known, and a template without the others',
  async (t, backend) => {
    const [file, folder] = [database(t), temporaryFolder(t)];
    const fields =
      'destinationIPv4Address,destinationIPv6Address,flowId,bgpSourceAsNumber,bgpDestinationAsNumber,destinationCountry=32473/1';
    const geoip = ['--geoip-asn', file, '--geoip-country', file];
    const options = ['--backend', backend.name, '--collector', `file://${folder}/records.ipfix`, '--fields', fields];
    const filter = ['--filter', 'dst.asn == 64501 || dst.country == DE || dst.asn == 4200000000'];
    const run = await ctflow(['run', ...REPLAY, ...options, ...filter, ...geoip, '--flow-poll-interval', '50ms']);
    t.is(run.code, 0, run.stderr);
    const path = join(folder, readdirSync(folder)[0]);
    const collected = await ctflow(['collect', '--format', 'json', path]);
    const records = linesOf(collected.stdout).flatMap(record => (record['options'] ? [] : [Object.entries(record)]));
    const seen = new Set(
      records.map(entries => {
        const facts = Object.fromEntries(entries);
        t.false('bgpSourceAsNumber' in facts, 'nothing is known of any source');
        // an element that nobody knows is shown as octets
        const country = Buffer.from(String(facts['32473/1'] ?? ''), 'hex').toString();
        return [
          facts['destinationIPv4Address'] ?? facts['destinationIPv6Address'],
          facts['bgpDestinationAsNumber'],
          country,
        ].join(' ');
      }),
    );
    t.deepEqual([...seen].sort(), ['198.51.100.2 64500 DE', '2001:db8:2::2 64501 FR', '203.0.113.80 4200000000 ']);
    const filtered = await ctflow(['collect', '--format', 'json', '--filter', 'dst.asn == 64501', path]);
    t.true(
      linesOf(filtered.stdout).every(record => record['destinationIPv6Address'] === '2001:db8:2::2'),
      filtered.stdout,
    );
  },
);

test('dump shows them in each format, and filters by them', async t => {
  const file = database(t);
  const dump = ['dump', ...REPLAY, '--backend', 'fallback', '--geoip-asn', file, '--geoip-country', file];
  const filter = ['--filter', 'dst.country == FR && dst.asn == 64501'];
  const [json, table, csv] = await Promise.all([
    ctflow([...dump, ...filter, '--format', 'json']),
    ctflow([...dump, ...filter]),
    ctflow([...dump, '--format', 'csv', '--filter', 'dst.asn == 4200000000']),
  ]);
  t.is(json.code, 0, json.stderr);
  for (const connection of linesOf(json.stdout))
    t.like(connection, { family: 'ipv6', destinationAsNumber: 64_501, destinationCountry: 'FR' });
  t.regex(table.stdout, /as=\?\/64501 country=\?\/FR/);
  const [head, line] = csv.stdout.split('\r\n');
  t.regex(head, /,sourceAsNumber,destinationAsNumber,sourceCountry,destinationCountry$/);
  t.regex(line, /,,4200000000,,$/);
});

test('a file that cannot be used ends the start, and a filter that wants one says which', async t => {
  const path = temporaryPath(t, 'wrong.mmdb');
  writeFileSync(path, 'wrong');
  for (const command of [
    ['run', '--collector', 'udp://127.0.0.1:9', '--fields', 'flowId,bgpSourceAsNumber'],
    ['dump'],
  ]) {
    const { code, stderr } = await ctflow([...command, ...REPLAY, '--backend', 'fallback', '--geoip-asn', path]);
    t.is(code, 1, stderr);
    t.regex(stderr, /CTFLOW_GEOIP: .*wrong\.mmdb is not a database in MaxMind's format .*GeoLite2-ASN\.mmdb/);
  }
  const { code, stderr } = await ctflow(['dump', ...REPLAY, '--filter', 'src.asn == 1']);
  t.is(code, 2);
  t.regex(stderr, /--filter asks for src\.asn, which is not known without --geoip-asn/);
});

perBackend('records have the names that are known when they are exported, and filters see them', async (t, backend) => {
  const server = await dnsServer(t, name => (name === '2.100.51.198.in-addr.arpa' ? ['web.example'] : 'NXDOMAIN'));
  const folder = temporaryFolder(t);
  const names = 'sourceDnsName=32473/1,destinationDnsName=32473/2';
  const run = await ctflow([
    'run',
    ...REPLAY,
    '--flow-poll-interval',
    '300ms',
    '--backend',
    backend.name,
    '--collector',
    `file://${folder}/records.ipfix`,
    '--fields',
    `flowId,destinationIPv4Address,${names}`,
    '--filter',
    'dst.dns == web.example',
    '--dns-names',
    '--dns-servers',
    server.address,
  ]);
  t.is(run.code, 0, run.stderr);
  const collected = await ctflow(['collect', '--format', 'json', join(folder, readdirSync(folder)[0])]);
  const records = linesOf(collected.stdout).filter(record => !record['options']);
  t.true(records.length > 0, run.stderr);
  for (const record of records) {
    t.is(record['destinationIPv4Address'], '198.51.100.2');
    t.is(Buffer.from(String(record['32473/2']), 'hex').toString(), 'web.example');
    t.false('32473/1' in record, 'the source has no name');
  }
});
