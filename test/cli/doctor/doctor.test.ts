/** `ctflow doctor` as a person runs it, on the real kernel. */
import test from 'ava';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { CHECKS } from '../../../src/cli/doctor/checks.js';
import { examine } from '../../../src/cli/doctor/examination.js';
import { asJson, asLines } from '../../../src/cli/doctor/printer.js';
import { CTFLOW, RECORDING } from '../../helpers/kernel/cli.js';
import { ctflow, startExporter } from '../../helpers/kernel/command.js';
import { eventually } from '../../helpers/eventually.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { HEALTHY, NETFILTER, subjectWith } from './subject.js';

interface Report {
  counts: Record<string, number>;
  checks: { check: string; status: string; found: string; command?: string; fixed?: true }[];
}

needs(test, ['native', 'namespace'])(
  'a fresh namespace has errors, each with what mends it; --fix does what is safe; run says why nothing comes',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.sysctl('nf_conntrack_udp_timeout', 3600);
    const examined = async (...flags: string[]) => {
      const args = ['doctor', '--config', 'none', '--json', '--backend', 'native', '--nflog-group', '5', ...flags];
      const { code, stdout, stderr } = await ctflow(namespace, args);
      const { checks } = JSON.parse(stdout) as Report;
      return { code, stderr, of: (name: string) => checks.find(({ check }) => check === name)! };
    };
    const control = temporaryPath(t, 'control.sock');
    const nflog = `--nflog-group 5 --control ${control}`;
    const exporter = await startExporter(namespace, 'native', ['udp://127.0.0.1:4739'], nflog);
    const said = await eventually('run says it', () =>
      exporter.log().find(({ msg }) => /conntrack is not active/.test(String(msg))),
    );
    t.regex(String(said['msg']), /in this network namespace: no rule uses it/);
    t.regex(String(said['hint']), /^Run nft .*ct state new'; see ctflow doctor$/);

    const flags = ['--control', control, '--collector', 'udp://192.0.2.1:4739', '--state', temporaryPath(t, 'state')];
    const sick = await examined(...flags);
    t.is(sick.code, 1);
    t.regex(sick.stderr, /CTFLOW_DOCTOR/);
    for (const check of ['conntrack', 'acct', 'timestamp', 'nflog-rules']) t.is(sick.of(check).status, 'error', check);
    t.is(sick.of('nflog-groups').found, `group 5 is read by the running ctflow (process ${exporter.pid})`);
    t.like(sick.of('collector'), { status: 'error', command: 'ip route get 192.0.2.1' });
    t.regex(sick.of('collector').found, /ENETUNREACH: there is no route/);
    // as the report says
    await namespace.run('sh', ['-c', sick.of('conntrack').command!]);
    await namespace.run('sh', ['-c', sick.of('nflog-rules').command!]);
    // a connection from before accounting
    await namespace.run('bash', ['-c', 'echo >/dev/udp/127.0.0.1/9']);

    const mended = await examined('--fix', '--control', 'off');
    t.is(mended.code, 0, mended.stderr);
    t.regex(mended.stderr, /--fix sets net.netfilter.nf_conntrack_acct to 1/);
    t.like(mended.of('acct'), { status: 'ok', fixed: true });
    t.like(mended.of('timestamp'), { status: 'ok', fixed: true });
    t.is(mended.of('conntrack').status, 'ok');
    t.is(mended.of('nflog-rules').status, 'ok');
    t.like(mended.of('nflog-groups'), { status: 'warning', command: `ps -fp ${exporter.pid}` });
    t.like(mended.of('entries'), { status: 'warning' });
    t.regex(mended.of('entries').found, /have no counters/);
    t.is(await namespace.run('cat', [`${NETFILTER}acct`]), '1\n');
    await exporter.stop();
  },
);

test('--fix announces, mends, and says where it could not', async t => {
  const subject = subjectWith({ files: { ...HEALTHY, [`${NETFILTER}acct`]: '0', [`${NETFILTER}timestamp`]: '0' } });
  const checks = CHECKS.filter(({ name }) => ['acct', 'timestamp'].includes(name));
  const untouched = await examine(checks, subject, undefined);
  t.deepEqual(
    untouched.map(({ status }) => status),
    ['error', 'warning'],
  );
  t.regex(asLines([...untouched, ...untouched]), /^2 errors, 2 warnings, 0 ok$/m);
  const said: string[] = [];
  const { write } = subject.host;
  Object.assign(subject.host, {
    write: (path: string, text: string) => {
      if (path.endsWith('timestamp')) throw new Error('EROFS');
      write(path, text);
    },
  });
  const examined = await examine(checks, subject, line => void said.push(line));
  t.is(said.length, 2);
  t.like(examined[0], { status: 'ok', fixed: true });
  t.like(examined[1], { status: 'warning', fixed: false });
  t.regex(examined[1].found, /--fix could not mend it: EROFS/);
  t.regex(asLines(examined), /^ok {7}acct .*\(mended by --fix\)$/m);
  t.regex(
    asLines(examined),
    /^ +mend: sysctl -w net.netfilter.nf_conntrack_timestamp=1\n0 errors, 1 warning, 1 ok\n$/m,
  );
  const { counts, checks: all } = JSON.parse(asJson(examined)) as Report;
  t.deepEqual(counts, { error: 0, warning: 1, ok: 1 });
  t.deepEqual(Object.keys(all[1]), ['check', 'status', 'found', 'command']);
});

test('a check that cannot look is an error, and the others go on', async t => {
  const broken = {
    name: 'x',
    about: '',
    of: 'all' as const,
    run: () => {
      throw new Error('gone');
    },
  };
  const begun: string[] = [];
  const checks = [broken, CHECKS.find(({ name }) => name === 'kernel')!];
  const examined = await examine(checks, subjectWith(), undefined, check => void begun.push(check));
  t.deepEqual(begun, ['x', 'kernel'], 'who waits sees what is looked at');
  t.like(examined[0], { status: 'error', found: 'this could not be checked: gone' });
  t.like(examined[1], { status: 'ok' });
});

test('on a terminal what was found goes on below itself, and a command stays a line', t => {
  const examined = {
    check: 'acct',
    status: 'error',
    found: 'net.netfilter.nf_conntrack_acct is 0: accounting is off: connections have no packet and octet counters',
    command: `nft '${'add table inet track; '.repeat(4)}'`,
    fixed: false,
  } as const;
  const indent = ' '.repeat(25);
  t.deepEqual(asLines([examined], 80).split('\n').slice(0, -2), [
    'error    acct            net.netfilter.nf_conntrack_acct is 0: accounting is',
    `${indent}off: connections have no packet and octet counters`,
    `${indent}mend: ${examined.command}`,
  ]);
  t.is(asLines([examined]).split('\n')[0].length, 25 + examined.found.length);
});

test('the report stands before the error that ends it, as on a terminal', t => {
  const path = temporaryPath(t, 'both');
  const both = openSync(path, 'a');
  const flags = [
    '--config',
    'none',
    '--source',
    'replay:x',
    '--collector',
    'tls://127.0.0.1:1',
    '--tls-ca',
    '/nowhere',
  ];
  const { status } = spawnSync(process.execPath, [CTFLOW, 'doctor', ...flags], { stdio: ['ignore', both, both] });
  closeSync(both);
  t.is(status, 1);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  t.regex(lines.at(-2)!, /^\d+ errors?, \d+ warnings?, \d+ ok$/);
  t.regex(lines.at(-1)!, /^ctflow: CTFLOW_DOCTOR: /);
});

test('of a recording the kernel is not looked at', async t => {
  const examined = await examine(
    CHECKS,
    subjectWith({ line: `--source replay:${RECORDING}`, kind: 'replay' }),
    undefined,
  );
  t.deepEqual(
    examined.map(({ check }) => check),
    CHECKS.filter(({ of }) => of === 'all').map(({ name }) => name),
  );
});

test('docs/doctor.md has each check', t => {
  const page = readFileSync(new URL('../../../../docs/doctor.md', import.meta.url), 'utf8');
  const table = page.slice(page.indexOf('## Checks'), page.indexOf('## `--json`'));
  const rows = [...table.matchAll(/^\| `([\w-]+)` \| (.*) \|$/gm)].map(([, name, about]) => [name, about]);
  t.deepEqual(
    rows,
    CHECKS.map(({ name, about }) => [name, about]),
  );
});
