/** A collector is reached as `ctflow run` reaches it, and nothing is exported. */
import test from 'ava';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import type { Backend } from '../../../src/backend/backend.js';
import { checkCollector } from '../../../src/cli/doctor/collector.js';
import type { Finding } from '../../../src/cli/doctor/finding.js';
import { backends, perBackend } from '../../helpers/backends.js';
import { QUIET_HOST } from '../../helpers/fakes/quiet-host.js';
import { needs } from '../../helpers/kernel/require.js';
import { temporaryPath } from '../../helpers/temporary.js';
import { certificates } from '../../helpers/tls/certificates.js';
import { OpensslServer } from '../../helpers/tls/openssl-server.js';
import { configOf } from './subject.js';

const [backend] = backends();
const native = backends().find(({ name }) => name === 'native');
const rigged = needs(test, ['openssl']);

function check(line: string, by: Backend = backend, patience?: number, now = Date.now()): Promise<Finding[]> {
  const { destinations } = configOf(`--collector ${line}`);
  return checkCollector(destinations[0], { backend: by, now, ...(patience !== undefined && { patience }) });
}

perBackend('over UDP an ICMP error is an error, and silence says no more than it does', async (t, backend) => {
  const collector = createSocket('udp4').bind(0, QUIET_HOST);
  await once(collector, 'listening');
  const { port } = collector.address();
  const received = once(collector, 'message') as Promise<[Buffer]>;
  const [found] = await check(`udp://${QUIET_HOST}:${port}`, backend);
  t.like(found, { status: 'ok' });
  t.regex(found.found, /no ICMP error came back; UDP shows no more/);
  const [message] = await received;
  t.is(message.length, 16, 'a header without sets');
  t.is(message.readUInt16BE(0), 10);
  t.is(message.readUInt16BE(2), 16);
  collector.close();
  await once(collector, 'close');
  const [refused] = await check(`udp://${QUIET_HOST}:${port}`, backend);
  t.like(refused, { status: 'error' });
  t.regex(refused.found, /ECONNREFUSED: nobody listens there/);
  t.regex(refused.command!, /^ss -lnup/);
});

test('a name that does not resolve is named with the way to look it up', async t => {
  const [found] = await check('tcp://collector.invalid:4739');
  t.like(found, { status: 'error', command: 'getent ahosts collector.invalid' });
});

test('a collector that does not answer is given up after its time', async t => {
  const silent = createServer().listen(0, QUIET_HOST);
  await once(silent, 'listening');
  t.teardown(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const [found] = await check(`tls://${QUIET_HOST}:${port}`, backend, 200);
  t.like(found, { status: 'error' });
  t.regex(found.found, /no answer/);
});

rigged('over TLS the handshake is made, and the end of the certificate is named', async t => {
  const { ours, theirs, collector } = certificates();
  const { port } = await OpensslServer.listen(t, QUIET_HOST, collector);
  const [reached, dates] = await check(`tls://${QUIET_HOST}:${port} --tls-ca ${ours.tlsCa}`);
  t.like(reached, { status: 'ok' });
  t.regex(reached.found, /handshake of TLSv1.3/);
  t.like(dates, { status: 'ok' });
  t.regex(dates.found, /certificate of tls:.* is valid until/);
  const later = Date.now() + 3640 * 86_400_000;
  const [, soon] = await check(`tls://${QUIET_HOST}:${port} --tls-ca ${ours.tlsCa}`, backend, undefined, later);
  t.like(soon, { status: 'warning' });
  t.regex(soon.found, /renew it/);
  const [untrusted] = await check(`tls://${QUIET_HOST}:${port} --tls-ca ${theirs.tlsCa}`);
  t.like(untrusted, { status: 'error' });
  t.regex(untrusted.found, /authority that is not trusted/);
  t.regex(untrusted.command!, /^openssl s_client -connect/);
});

(native ? rigged : () => {})('over DTLS the handshake is made', async t => {
  const { ours, collector } = certificates();
  const { port } = await OpensslServer.listen(t, QUIET_HOST, collector, '-dtls1_2', '-timeout');
  const [reached, dates] = await check(`dtls://${QUIET_HOST}:${port} --tls-ca ${ours.tlsCa}`, native);
  t.like(reached, { status: 'ok' });
  t.regex(reached.found, /handshake of DTLS 1.2/);
  t.like(dates, { status: 'ok' });
});

test('the directory of files must be there', async t => {
  const path = temporaryPath(t, 'flows.ipfix');
  const [there] = await check(`file://${path}`);
  t.regex(there.found, /can be written, \d+ MiB are free/);
  const [gone] = await check(`file://${path}/deeper/flows.ipfix`);
  t.like(gone, { status: 'error' });
  t.regex(gone.found, /cannot be written to .*ENO(ENT|TDIR)/);
});
