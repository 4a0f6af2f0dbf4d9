import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import { eventually } from '../helpers/eventually.js';
import { RECORDING, spawnCtflow } from '../helpers/kernel/cli.js';
import { DatagramReceiver } from '../helpers/kernel/datagrams.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';

const REFUSED = 'tcp://127.0.0.1:9';

/** Runs ctflow as systemd would, until it is ready and for some beats of its watchdog, lets it reload, and stops it. */
async function runAsService(t: ExecutionContext, backend: string, address: string): Promise<DatagramReceiver> {
  const receiver = await DatagramReceiver.open(t, address);
  const args = ['--collector', REFUSED, '--source', `replay:${RECORDING}`, '--flow-poll-interval', '1h'];
  const child = spawnCtflow(['run', '--backend', backend, '--shutdown-timeout', '100ms', ...args], {
    NOTIFY_SOCKET: address,
    WATCHDOG_USEC: '60000000',
  });
  t.teardown(() => child.kill('SIGKILL'));
  child.stdout.resume();
  let log = '';
  child.stderr.on('data', chunk => (log += chunk));
  const texts = (): string[] => receiver.texts(address);
  await eventually('it is ready', () => texts().some(text => text.startsWith('READY=1\nWATCHDOG=1\nSTATUS=')));
  await eventually('it runs', () => log.includes('ctflow runs'));
  child.kill('SIGHUP');
  await eventually('it has reloaded', () => {
    const reloading = texts().findIndex(text => text.includes('RELOADING=1') && text.includes('MONOTONIC_USEC='));
    return reloading > 0 && texts().findIndex((text, i) => i > reloading && text.startsWith('READY=1\n')) > 0;
  });
  child.kill('SIGTERM');
  await once(child, 'close');
  await eventually('it has said that it stops', () => texts().some(text => text.startsWith('STOPPING=1\n')));
  if (backend === 'native') t.deepEqual([...new Set(receiver.received.map(({ pid }) => pid))], [child.pid]);
  return receiver;
}

needs(test, ['native', 'linux'])('systemd is told what a run waits for, that it is ready, works and stops', async t => {
  const address = `@ctflow-${process.pid}-run`;
  const texts = (await runAsService(t, 'native', address)).texts(address);
  t.is(texts[0], `STATUS=waits for the first poll, a first attempt at ${REFUSED}`);
  const ready = texts.findIndex(text => text.startsWith('READY=1'));
  t.true(texts.slice(0, ready).every(text => text.startsWith('STATUS=waits for ')));
  t.regex(texts[ready], /^READY=1\nWATCHDOG=1\nSTATUS=11 connections, 0 records exported.*; tcp:.*: not connected/);
  t.is(texts.at(-1), 'STOPPING=1\nSTATUS=exporting the open connections');
});

needs(test, ['systemd-notify'])('the same with the fallback, by systemd-notify', async t => {
  await runAsService(t, 'fallback', temporaryPath(t, 'notify'));
  t.pass();
});
