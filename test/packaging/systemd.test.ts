import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { checkKernel } from '../../src/sources/kernel-settings.js';
import type { Source } from '../../src/sources/source.js';
import { needs, PATH } from '../helpers/kernel/require.js';
import { spawnSync } from 'node:child_process';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const UNIT = join(ROOT, 'packaging/systemd/ctflow.service');
const DROP_INS = join(ROOT, 'packaging/systemd/drop-ins');
const unit = readFileSync(UNIT, 'utf8');

function analyze(...args: string[]): { status: number | null; output: string } {
  const env = { ...process.env, PATH, LC_ALL: 'C' };
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', env });
  return { status, output: stdout + stderr };
}

/** A unit of this name in a folder of its own. */
function written(t: ExecutionContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'ctflow-unit-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'ctflow.service');
  writeFileSync(path, text);
  return path;
}

needs(test, ['systemd-analyze'])("systemd's own rating of the unit's exposure is 2.0 of 10 at most", t => {
  const { status, output } = analyze('security', '--offline=true', '--threshold=20', UNIT);
  t.is(status, 0, output);
  const weaker = written(t, unit.replace('ProtectSystem=strict', '').replace('RestrictNamespaces=yes', ''));
  t.is(analyze('security', '--offline=true', '--threshold=20', weaker).status, 1, 'less hardening is noticed');
});

needs(test, ['systemd-analyze'])('systemd reads the unit and every drop-in without a complaint', t => {
  // ctflow is not installed here
  const path = written(t, unit.replace('/usr/bin/ctflow', '/bin/true').replace(/^Documentation=.*\n/m, ''));
  cpSync(DROP_INS, `${path}.d`, { recursive: true });
  const complaints = (): string[] =>
    analyze('verify', '--man=no', '--recursive-errors=no', path)
      .output.split('\n')
      .filter(line => line.includes('ctflow.service'));
  t.deepEqual(complaints(), []);
  writeFileSync(join(`${path}.d`, 'wrong.conf'), '[Service]\nRestrictNamspaces=net\n');
  t.is(complaints().length, 1, 'a key that is not known is noticed');
});

test('the page about systemd has every drop-in, and no other', t => {
  const page = readFileSync(join(ROOT, 'docs/systemd.md'), 'utf8');
  const named = [...page.matchAll(/\| ([\w-]+\.conf) \|$/gm)].map(([, name]) => name);
  t.deepEqual(named.toSorted(), readdirSync(DROP_INS).toSorted());
});

test('sysctl.d/ctflow.conf sets whatever ctflow would complain about', t => {
  const file = readFileSync(join(ROOT, 'packaging/sysctl.d/ctflow.conf'), 'utf8');
  const values = new Map(
    [...file.matchAll(/^-net\.netfilter\.(\w+) = (\d+)$/gm)].map(([, name, value]) => [name, value]),
  );
  const source = (value: (name: string) => string | undefined) =>
    ({ kind: 'netlink', sysctl: value }) as unknown as Source;
  const all = checkKernel(
    source(name => (name === 'nf_conntrack_count' ? '1' : '0')),
    true,
  );
  t.is(all.length, values.size);
  const set = (name: string): string | undefined => values.get(name) ?? '1';
  t.deepEqual(checkKernel(source(set), true), []);
});

test('the unit lets ctflow end by itself, and restarts it unless its settings are wrong', t => {
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)![1];
  t.true(parseInt(value('TimeoutStopSec'), 10) > 30, 'longer than --shutdown-timeout');
  t.deepEqual([value('Type'), value('Restart'), value('RestartPreventExitStatus')], ['notify', 'on-failure', '2']);
  t.notRegex(unit, /^MemoryDenyWriteExecute=/m);
});
