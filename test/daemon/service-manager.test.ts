import test from 'ava';
import { loadBackend } from '../../src/backend/load.js';
import { serviceManager } from '../../src/daemon/service-manager.js';
import { eventually } from '../helpers/eventually.js';
import { DatagramReceiver } from '../helpers/kernel/datagrams.js';
import { needs } from '../helpers/kernel/require.js';
import { temporaryPath } from '../helpers/temporary.js';

const never = (why: string): void => {
  throw new Error(why);
};
const EAGAIN = 11;
const ECONNREFUSED = 111;

test('without NOTIFY_SOCKET there is no service manager', t => {
  t.is(serviceManager({}, { send: undefined, failed: never }), undefined);
  t.is(serviceManager({ NOTIFY_SOCKET: '' }, { send: undefined, failed: never }), undefined);
});

test('the watchdog is for the process that WATCHDOG_PID names, and child processes see none of it', t => {
  const watchdog = (more: NodeJS.ProcessEnv): number | undefined => {
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/x', PATH: '/bin', ...more };
    const manager = serviceManager(env, { send: () => 0, failed: never })!;
    t.deepEqual(env, { PATH: '/bin' });
    return manager.watchdog;
  };
  t.is(watchdog({ WATCHDOG_USEC: '30000000' }), 30_000);
  t.is(watchdog({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: String(process.pid) }), 30_000);
  t.is(watchdog({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '1' }), undefined);
  t.is(watchdog({}), undefined);
  t.is(watchdog({ WATCHDOG_USEC: '0' }), undefined);
});

test('a socket without room is tried again, in order; another failure is said once', async t => {
  const sent: string[] = [];
  const failures: string[] = [];
  const errnos = [EAGAIN, EAGAIN, 0, 0, ECONNREFUSED, ECONNREFUSED];
  const send = (_: string, bytes: Uint8Array): number => {
    const errno = errnos.shift()!;
    if (errno === 0) sent.push(String(bytes));
    return errno;
  };
  const manager = serviceManager({ NOTIFY_SOCKET: '/x' }, { send, failed: why => failures.push(why) })!;
  for (const word of ['READY=1', 'STATUS=a', 'STATUS=b', 'STATUS=c']) manager.notify(word);
  await eventually('all are tried', () => errnos.length === 0);
  t.deepEqual(sent, ['READY=1', 'STATUS=a']);
  t.deepEqual(failures, ['ECONNREFUSED']);
});

needs(test, ['native', 'linux'])('native sends from this process itself, to paths and abstract addresses', async t => {
  const { sendUnixDatagram: send } = await loadBackend('native');
  const addresses = [temporaryPath(t, 'notify'), `@ctflow-${process.pid}-notify`];
  const receiver = await DatagramReceiver.open(t, ...addresses);
  for (const address of addresses) {
    serviceManager({ NOTIFY_SOCKET: address }, { send, failed: never })!.notify('READY=1', 'STATUS=12 connections');
    await eventually('it arrives', () => receiver.texts(address)[0]);
    t.deepEqual(receiver.texts(address), ['READY=1\nSTATUS=12 connections']);
  }
  t.deepEqual(new Set(receiver.received.map(({ pid }) => pid)), new Set([process.pid]));
});

needs(test, ['systemd-notify'])('without the native module systemd-notify sends it', async t => {
  const addresses = [temporaryPath(t, 'notify'), `@ctflow-${process.pid}-program`];
  const receiver = await DatagramReceiver.open(t, ...addresses);
  for (const address of addresses) {
    const manager = serviceManager({ NOTIFY_SOCKET: address }, { send: undefined, failed: never })!;
    manager.notify('READY=1', 'STATUS=12 connections');
    await eventually('it arrives', () => receiver.texts(address).some(text => text.startsWith('READY=1\n')));
    t.true(receiver.texts(address).includes('READY=1\nSTATUS=12 connections'));
  }
});

test.serial('where systemd-notify is missing, that is said once', async t => {
  const failures: string[] = [];
  const path = process.env['PATH'];
  t.teardown(() => (process.env['PATH'] = path));
  process.env['PATH'] = '/nowhere';
  const manager = serviceManager({ NOTIFY_SOCKET: '/x' }, { send: undefined, failed: why => failures.push(why) })!;
  manager.notify('READY=1');
  manager.notify('STATUS=a');
  await eventually('it is said', () => failures.length > 0);
  t.deepEqual(failures, ['ENOENT']);
});
