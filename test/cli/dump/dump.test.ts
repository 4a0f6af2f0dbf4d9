/** What `ctflow dump` prints of a recording with eleven connections. */
import test from 'ava';
import { ctflow, RECORDING } from '../../helpers/kernel/cli.js';

const DUMP = ['dump', '--source', `replay:${RECORDING}`, '--backend', 'fallback'];

interface Dumped {
  readonly protocol: string;
  readonly original: Readonly<Record<string, string | number>>;
  readonly reply: Readonly<Record<string, string | number>>;
  readonly status: readonly string[];
}

function connections(stdout: string): Dumped[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Dumped);
}

test('CSV has the names and values of JSON, and a head where there is no connection', async t => {
  const [csv, json, none] = await Promise.all([
    ctflow([...DUMP, '--format', 'csv']),
    ctflow([...DUMP, '--format', 'json']),
    ctflow([...DUMP, '--format', 'csv', '--filter', 'protocol == gre']),
  ]);
  t.is(csv.code, 0, csv.stderr);
  const [head, ...lines] = csv.stdout.trimEnd().split('\r\n');
  const names = head.split(',');
  t.is(none.stdout, `${head}\r\n`);
  const expected = connections(json.stdout).map(connection => {
    const { original, reply, ...rest } = connection;
    const sides = Object.entries({ original, reply }).flatMap(([side, facts]) =>
      Object.entries(facts).map(([name, value]) => [`${side}.${name}`, String(value)]),
    );
    const others = Object.entries(rest).map(([name, value]) => [name, [value].flat().join(' ')]);
    return Object.fromEntries([...sides, ...others].filter(([, value]) => value !== ''));
  });
  t.deepEqual(
    lines.map(line =>
      Object.fromEntries(
        line
          .split(',')
          .map((value, i) => [names[i], value])
          .filter(([, value]) => value !== ''),
      ),
    ),
    expected,
  );
});

test('--sort prints the first in order, and --limit says how many are not printed', async t => {
  const octets = ({ original, reply }: Dumped): number => Number(original['octets']) + Number(reply['octets']);
  const json = [...DUMP, '--format', 'json'];
  const [all, sorted, most, least, two] = await Promise.all([
    ctflow(json),
    ctflow([...json, '--sort', 'bytes']),
    ctflow([...json, '--sort', 'bytes', '--limit', '3', '--filter', 'bytes > 0']),
    ctflow([...json, '--sort', 'bytes', '--reverse', '--limit', '3']),
    ctflow([...json, '--limit', '2']),
  ]);
  const counts = connections(all.stdout)
    .map(octets)
    .toSorted((a, b) => b - a);
  t.true(new Set(counts).size > 3);
  t.deepEqual(connections(sorted.stdout).map(octets), counts);
  t.deepEqual(connections(most.stdout).map(octets), counts.slice(0, 3));
  t.deepEqual(connections(least.stdout).map(octets), counts.toReversed().slice(0, 3));
  t.deepEqual(connections(two.stdout), connections(all.stdout).slice(0, 2));
  t.regex(two.stderr, /^ctflow: 11 connections, 9 beyond --limit 2$/m);
  t.notRegex(sorted.stderr, /limit/);
  t.is(sorted.code, 0);
});

test('a rate is not in one dump', async t => {
  const { code, stderr } = await ctflow([...DUMP, '--sort', 'rate']);
  t.is(code, 2);
  t.regex(stderr, /CTFLOW_USAGE: --sort: 'rate' is not a choice\. Allowed choices are bytes, packets, age/);
});
