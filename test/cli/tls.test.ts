import { readFileSync } from 'node:fs';
import test from 'ava';
import { eventually } from '../helpers/eventually.js';
import { QUIET_HOST } from '../helpers/fakes/quiet-host.js';
import { ctflow, RECORDING } from '../helpers/kernel/cli.js';
import { needs } from '../helpers/kernel/require.js';
import { Authority, type Certificate } from '../helpers/tls/authority.js';
import { OpensslServer } from '../helpers/tls/openssl-server.js';

const rigged = needs(test, ['openssl']);
const HERE = [`IP:${QUIET_HOST}`];

/** Plays a recording to a collector. */
function run(port: number, ...flags: string[]): ReturnType<typeof ctflow> {
  const collector = `tls://${QUIET_HOST}:${port}`;
  const quick = ['--flow-poll-interval', '10ms', '--shutdown-timeout', '20s'];
  return ctflow(['run', '--collector', collector, '--source', `replay:${RECORDING}`, ...quick, ...flags]);
}

function flagsOf({ tlsCertificate, tlsKey }: Certificate): string[] {
  return ['--tls-certificate', tlsCertificate, '--tls-key', tlsKey];
}

rigged('run exports over TLS with a client certificate, and no log has its key', async t => {
  const ours = new Authority('ours');
  const exporter = ours.issue({ names: ['DNS:exporter.test'] });
  const flags = ['-CAfile', ours.tlsCa, '-Verify', '1', '-verify_return_error'];
  const server = await OpensslServer.listen(t, QUIET_HOST, ours.issue({ names: HERE }), ...flags);
  const { code, stderr } = await run(server.port, '--tls-ca', ours.tlsCa, ...flagsOf(exporter), '--log-level', 'debug');
  t.is(code, 0, stderr);
  t.regex(stderr, /export session started/);
  const header = Buffer.from([0, 10]);
  await eventually('a message of IPFIX', () => server.output.includes(header));
  const secret = readFileSync(exporter.tlsKey, 'latin1').split('\n')[1];
  t.true(secret.length > 30);
  t.false(stderr.includes(secret));
});

const REFUSED: readonly (readonly [string, (ours: Authority, theirs: Authority) => Certificate, string[], RegExp])[] = [
  ['wrong name', ours => ours.issue({ names: ['DNS:other.test'] }), [], /another name/],
  ['expired', ours => ours.issue({ names: HERE, expired: true }), [], /certificate has expired/],
  ['no client certificate', ours => ours.issue({ names: HERE }), ['-Verify', '1'], /wants a client certificate/],
  ['unknown authority', (_, theirs) => theirs.issue({ names: HERE }), [], /authority that is not trusted here/],
];

for (const [reason, certificate, more, meaning] of REFUSED) {
  rigged(`run says in its log why TLS is refused: ${reason}`, async t => {
    const [ours, theirs] = [new Authority('ours'), new Authority('theirs')];
    const flags = ['-CAfile', ours.tlsCa, '-verify_return_error', ...more];
    const server = await OpensslServer.listen(t, QUIET_HOST, certificate(ours, theirs), ...flags);
    const { code, stderr } = await run(server.port, '--tls-ca', ours.tlsCa);
    t.is(code, 1, stderr);
    const log = stderr
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line) as { msg: string; why?: string; meaning?: string });
    const said = log.find(({ msg }) => msg.startsWith('collector unreachable') || msg.startsWith('connection to the'));
    t.regex(said?.meaning ?? '', meaning, stderr);
    t.truthy(said?.why);
    t.regex(stderr, /CTFLOW_UNEXPORTED/);
  });
}
