import test from 'ava';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mmdb } from '../helpers/builders/mmdb.js';
import { ctflow } from '../helpers/kernel/cli.js';
import { temporaryFolder, temporaryPath } from '../helpers/temporary.js';

test('config check: exit code 0 and a line, or 2 and a line for each mistake of file, flags and variables', async t => {
  const path = temporaryPath(t, 'ctflow.yaml');
  writeFileSync(path, 'destinations:\n  main:\n    flowCollectorAddr: tcp://h:1\n    profile: antrea\n');
  const args = ['config', 'check', '--backend', 'fallback', '--config', path];
  const good = await ctflow(args);
  t.deepEqual([good.code, good.stdout, good.stderr], [0, `${path}: no mistakes, 1 destination\n`, '']);
  const wrong = await ctflow([...args, '--mtu', '1', '--biflow', 'two-uniflows'], { CTFLOW_MAX_RATE: 'fast' });
  t.is(wrong.code, 2);
  t.is(wrong.stdout, '');
  const said = wrong.stderr.trimEnd().split('\n').sort();
  t.is(said.length, 3, wrong.stderr);
  t.regex(said[0], /^ctflow: CTFLOW_USAGE: --biflow two-uniflows does not go with destinations\.main\.profile: antrea/);
  t.regex(said[1], /^ctflow: CTFLOW_USAGE: --mtu: '1' is out of range/);
  t.regex(said[2], /^ctflow: CTFLOW_USAGE: CTFLOW_MAX_RATE: 'fast' is not a number/);
});

test('config check: a mistake in the inventory is named with the place of both, and one that is good is no mistake', async t => {
  const path = temporaryPath(t, 'ctflow.yaml');
  const inventory = temporaryPath(t, 'inventory.yaml');
  const settings = `flowCollectorAddr: tcp://h:1\nprofile: antrea\ninventory: ${inventory}\n`;
  writeFileSync(path, settings);
  const args = ['config', 'check', '--backend', 'fallback', '--config', path];
  const missing = await ctflow(args);
  t.is(missing.code, 2);
  t.regex(
    missing.stderr,
    /^ctflow: CTFLOW_CONFIG: .+ctflow\.yaml:3:12: inventory: .+inventory\.yaml cannot be read: ENOENT\./,
  );
  writeFileSync(
    inventory,
    'nodes: []\npods:\n  - name: web-0\n    namespace: shop\n    addresses: [10.0.0.300]\n    labels: {}\n',
  );
  writeFileSync(path, `${settings}mtu: 1\n`);
  const wrong = await ctflow(args);
  t.is(wrong.code, 2);
  const said = wrong.stderr.trimEnd().split('\n');
  t.is(said.length, 3, wrong.stderr);
  t.true(
    said[0].startsWith(
      `ctflow: CTFLOW_CONFIG: ${path}:3:12: inventory: ${inventory}:5:17: pods[0].addresses[0] is "10.0.0.300". It must be`,
    ),
    wrong.stderr,
  );
  t.true(said[1].startsWith(`ctflow: CTFLOW_CONFIG: ${path}:3:12: inventory: ${inventory}:6:5: pods[0].labels is not`));
  t.regex(said[2], /ctflow\.yaml:4:6: mtu: '1' is out of range/);
  const flag = await ctflow([
    ...args.slice(0, -2),
    '--config',
    'none',
    '--collector',
    'tcp://h:1',
    '--inventory',
    inventory,
  ]);
  t.is(flag.code, 2);
  t.regex(flag.stderr, /^ctflow: CTFLOW_USAGE: --inventory: .+inventory\.yaml:5:17: pods/);
  writeFileSync(inventory, 'nodes: []\n');
  writeFileSync(path, settings);
  t.like(await ctflow(args), { code: 0, stderr: '' });
});

test('config check: what a run would refuse of the files that the settings name is said in one go, each with its line', async t => {
  const folder = temporaryFolder(t);
  const file = (name: string, content: string | Buffer = ''): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const settings = (lines: Record<string, string>): string =>
    file(
      'ctflow.yaml',
      Object.entries(lines)
        .map(([key, value]) => `${key}: ${value}\n`)
        .join(''),
    );
  const plain = file('plain', 'neither of these\n');
  const [countries, numbers] = [
    file('countries.mmdb', mmdb({ '192.0.2.0/24': { country: { iso_code: 'DE' } } })),
    file('numbers.mmdb', mmdb({ '192.0.2.0/24': { autonomous_system_number: 64_500 } })),
  ];
  const base = { flowCollectorAddr: 'tcp://h:1', fields: '[flowId]' };
  const path = settings({
    ...base,
    geoipAsn: join(folder, 'none.mmdb'),
    geoipCountry: plain,
    source: `replay:${plain}`,
    kubernetes: plain,
    state: folder,
    recordLast: '10m',
    recordDirectory: plain,
  });
  const args = ['config', 'check', '--config', path];
  const wrong = await ctflow(args, { CTFLOW_CONTROL: plain });
  t.is(wrong.code, 2);
  for (const said of [
    `:3:11: geoipAsn: ${folder}/none.mmdb cannot be read: ENOENT`,
    `:4:15: geoipCountry: ${plain} is not a database in MaxMind's format`,
    `:5:9: source: '${plain}' is not a recording of ctflow`,
    `:6:13: kubernetes: Kubernetes (${plain}): `,
    `:7:8: state: ${folder} is not a regular file`,
    `:9:18: recordDirectory: The flight recorder cannot write ${plain} (ENOTDIR)`,
  ])
    t.true(wrong.stderr.includes(`ctflow: CTFLOW_CONFIG: ${path}${said}`), `${said}\n${wrong.stderr}`);
  t.regex(
    wrong.stderr,
    /CTFLOW_USAGE: CTFLOW_CONTROL: The control socket .+ cannot be opened: what is there is no socket\./,
  );
  settings({ ...base, geoipAsn: countries, geoipCountry: countries });
  const other = await ctflow(args);
  t.is(other.code, 2);
  t.regex(other.stderr, /^ctflow: CTFLOW_CONFIG: .+:3:11: geoipAsn: .+ \(Test\) has no AS numbers\. .+\n$/);
  // what is not there yet is made by the run
  settings({
    ...base,
    fields: '[flowId, bgpSourceAsNumber]',
    geoipAsn: numbers,
  });
  const good = await ctflow(args, { CTFLOW_CONTROL: join(folder, 'later/control.sock') });
  t.is(good.code, 0, good.stderr);
});

test('run refuses a file with mistakes before anything is opened, with exit code 2', async t => {
  const path = temporaryPath(t, 'ctflow.yaml');
  writeFileSync(path, 'mtu: 1\ndestination: {}\n');
  const { code, stderr } = await ctflow(['run', '--backend', 'fallback'], { CTFLOW_CONFIG: path });
  t.is(code, 2);
  t.true(stderr.includes(`ctflow: CTFLOW_CONFIG: ${path}:1:6: mtu: '1' is out of range`), stderr);
  t.true(
    stderr.includes(`ctflow: CTFLOW_CONFIG: ${path}:2:1: destination: there is no such key. Did you mean`),
    stderr,
  );
});

test('config example and config print give files that config check takes', async t => {
  const path = temporaryPath(t, 'ctflow.yaml');
  for (const args of [['example'], ['print', '--backend', 'fallback', '--collector', 'tcp://h:1']]) {
    const { code, stdout, stderr } = await ctflow(['config', ...args]);
    t.is(code, 0, stderr);
    writeFileSync(path, stdout);
    const check = await ctflow(['config', 'check', '--backend', 'fallback', '--config', path]);
    // what it writes though it is so by default needs no word
    t.deepEqual([check.code, check.stderr], [0, '']);
  }
});
