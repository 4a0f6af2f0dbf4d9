import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { CtflowError } from '../../../src/common/errors.js';
import { askVswitchd } from '../../../src/sources/ovs/vswitchd.js';
import { result, standInVswitchd } from './vswitchd-rig.js';

const failure = async (asking: Promise<string>): Promise<string> => {
  const { code, message } = await asking.then(
    () => ({ code: 'none', message: '' }),
    (error: CtflowError) => error,
  );
  return `${code}: ${message}`;
};

test.serial('an answer in pieces, with braces in it, is one answer', async t => {
  const text = `first {line}\n${'second "line" '.repeat(10_000)}}`;
  const { requests } = await standInVswitchd(t, (_, socket) => {
    const bytes = Buffer.from(result(text));
    const braces = [...bytes.keys()].filter(i => bytes[i] === 0x7d);
    for (const [from, to] of [0, ...braces.map(i => i + 1)].map((at, i, all) => [at, all[i + 1]]))
      socket.write(bytes.subarray(from, to));
  });
  t.is(await askVswitchd('dpctl/dump-conntrack', ['-s']), text);
  t.deepEqual(requests, [{ method: 'dpctl/dump-conntrack', params: ['-s'], id: 0 } as never]);
});

test.serial('what it refuses is said in its own words', async t => {
  await standInVswitchd(t, (_, socket) =>
    socket.write(JSON.stringify({ id: 0, result: null, error: 'ovs-vswitchd: opening datapath\n(No such device)\n' })),
  );
  t.is(
    await failure(askVswitchd('dpctl/dump-conntrack', [])),
    'CTFLOW_OVS: ovs-vswitchd refuses dpctl/dump-conntrack: ovs-vswitchd: opening datapath (No such device)',
  );
});

test.serial('an answer that is no answer is refused', async t => {
  await standInVswitchd(t, (_, socket) => socket.write('{}'));
  t.regex(await failure(askVswitchd('list-commands', [])), /^CTFLOW_OVS: .* an answer without a result$/);
});

test.serial('a connection that ends before the answer is whole is an error', async t => {
  await standInVswitchd(t, (_, socket) => socket.end('{"id":0,"result":"tcp,'));
  t.regex(await failure(askVswitchd('list-commands', [])), /^CTFLOW_OVS: .* closed the connection before/);
});

test.serial('an ovs-vswitchd that is not there is named with its path', async t => {
  const { folder } = await standInVswitchd(t, () => {});
  writeFileSync(join(folder, 'ovs-vswitchd.pid'), '78\n');
  t.is(
    await failure(askVswitchd('list-commands', [])),
    `CTFLOW_OVS: ovs-vswitchd is not there: ${folder}/ovs-vswitchd.78.ctl (ENOENT)`,
  );
  rmSync(join(folder, 'ovs-vswitchd.pid'));
  t.is(
    await failure(askVswitchd('list-commands', [])),
    `CTFLOW_OVS: ovs-vswitchd is not there: ${folder}/ovs-vswitchd.pid (ENOENT)`,
  );
});
