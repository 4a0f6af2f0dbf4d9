import test from 'ava';
import { CtflowError } from '../../src/common/errors.js';
import { checkKernel, setupKernel } from '../../src/sources/kernel-settings.js';
import type { Source } from '../../src/sources/source.js';

const sourceWith = (settings: Record<string, string>, kind: Source['kind'] = 'netlink'): Source => ({
  kind,
  dump: () => Promise.resolve(undefined),
  sysctl: name => settings[name],
  setSysctl: (name, value) => void (settings[name] = value),
  close: () => undefined,
});

test('settings that are off are found, with a hint', t => {
  const findings = checkKernel(sourceWith({ nf_conntrack_acct: '0', nf_conntrack_timestamp: '0' }));
  t.deepEqual(
    findings.map(finding => /accounting|timestamps/.exec(finding.message)?.[0]),
    ['accounting', 'timestamps'],
  );
  t.regex(findings[0].hint, /sysctl -w net\.netfilter\.nf_conntrack_acct=1/);
});

test('nothing is found where all settings are on, cannot be read, or a recording is replayed', t => {
  const on = { nf_conntrack_acct: '1', nf_conntrack_timestamp: '1' };
  t.deepEqual(checkKernel(sourceWith(on)), []);
  t.deepEqual(checkKernel(sourceWith({})), []);
  t.deepEqual(checkKernel(sourceWith({ nf_conntrack_acct: '0' }, 'replay')), []);
});

test('set-up turns on what is off and returns what it changed', t => {
  const settings = { nf_conntrack_acct: '0', nf_conntrack_timestamp: '1' };
  t.deepEqual(setupKernel(sourceWith(settings)), ['nf_conntrack_acct']);
  t.deepEqual(settings, { nf_conntrack_acct: '1', nf_conntrack_timestamp: '1' });
});

test('a refused set-up names the setting', t => {
  const source = {
    ...sourceWith({ nf_conntrack_acct: '0' }),
    setSysctl: () => {
      throw new Error('EACCES');
    },
  };
  const error = t.throws(() => setupKernel(source), { instanceOf: CtflowError });
  t.like(error, { code: 'CTFLOW_PERMISSION' });
  t.regex(error.message, /nf_conntrack_acct/);
});

test('the events setting is only checked where events are used', t => {
  const on = { nf_conntrack_acct: '1', nf_conntrack_timestamp: '1' };
  const automatic = sourceWith({ ...on, nf_conntrack_events: '2' });
  t.deepEqual(checkKernel(automatic), []);
  t.regex(checkKernel(automatic, true)[0].message, /events are automatic/);
  t.regex(checkKernel(sourceWith({ ...on, nf_conntrack_events: '0' }), true)[0].message, /events are off/);
  t.deepEqual(checkKernel(sourceWith({ ...on, nf_conntrack_events: '1' }), true), []);
  t.deepEqual(setupKernel(automatic), []);
  t.deepEqual(setupKernel(automatic, true), ['nf_conntrack_events']);
  t.is(automatic.sysctl('nf_conntrack_events'), '1');
});
