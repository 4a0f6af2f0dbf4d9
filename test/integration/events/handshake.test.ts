/** On the real kernel: how long handshakes took, and which connections came to nothing. */
import test from 'ava';
import { Capture } from '../../helpers/kernel/capture.js';
import { startExporter } from '../../helpers/kernel/command.js';
import { PrivateNamespace } from '../../helpers/kernel/namespace.js';
import { eventually } from '../../helpers/eventually.js';
import { Decoder, valuesOf } from '../../helpers/builders/wire.js';
import { needs } from '../../helpers/kernel/require.js';
import { Traffic } from '../../helpers/kernel/traffic.js';

const COLLECTOR = 4739;
const HOST = '127.0.0.1';
const [PROMPT, LATE, REFUSED, RESET, SILENT] = [7001, 7002, 7003, 7004, 7005];
/** Answers to SYN are lost on their way, so that both ends repeat theirs. */
const LOSS = `table inet loss {
  chain out { type filter hook output priority 10;
    tcp sport ${LATE} tcp flags & (syn | ack) == (syn | ack) counter drop
  }
}`;

const rigged = needs(test.serial, ['namespace', 'conntrack', 'native']);

rigged(
  'records have the time of the handshake; what is refused, unanswered or reset is counted by service',
  async t => {
    const namespace = await PrivateNamespace.create(t);
    await namespace.track();
    await namespace.sysctl('nf_conntrack_events', 1);
    for (const timeout of ['udp_timeout', 'tcp_timeout_close']) await namespace.sysctl(`nf_conntrack_${timeout}`, 1);
    const traffic = new Traffic(namespace);
    const capture = await Capture.udp(traffic, COLLECTOR);
    const fields =
      'destinationTransportPort,flowStartMilliseconds,flowEndMilliseconds,tcpHandshakeMicroseconds=32473/1';
    const exporter = await startExporter(
      namespace,
      'native',
      [`udp://${HOST}:${COLLECTOR}`],
      `--events all --fields ${fields}`,
    );
    for (const port of [PROMPT, LATE, RESET]) await traffic.do('tcpListen', { host: HOST, port, answer: 10 });
    await traffic.do('udpListen', { host: HOST, port: SILENT });
    const open = (port: number) => traffic.do('tcpOpen', { host: HOST, port, send: 10, expect: 10 });
    const prompt = await open(PROMPT);
    await namespace.nft(LOSS);
    const opening = open(LATE);
    await eventually('an answer is lost', async () =>
      /packets [1-9]/.test(await namespace.run('nft', ['list', 'table', 'inet', 'loss'])),
    );
    await namespace.nft('delete table inet loss');
    const late = await opening;
    await t.throwsAsync(open(REFUSED));
    await traffic.do('tcpClose', { ...(await open(RESET)), reset: true });
    await traffic.do('udpSend', { host: HOST, port: SILENT, packets: 1, size: 10, answered: false });
    for (const { handle } of [prompt, late]) await traffic.do('tcpClose', { handle });
    // the kernel takes them out when a poll comes across them
    await eventually('reset and unanswered are over', async () => {
      const listed = await namespace.run('conntrack', ['-L']);
      return [RESET, SILENT].every(port => !listed.includes(`dport=${port} `));
    });
    const { code, stderr } = await exporter.stop();
    t.is(code, 0, stderr);
    const messages = (await capture.everything()).map(bytes => ({ bytes }));
    const records = new Decoder('udp').decode(messages).map(valuesOf);

    const handshake = (port: number): number | undefined => {
      const record = records.findLast(one => one['destinationTransportPort'] === port)!;
      const octets = record['32473/1'] as Uint8Array | undefined;
      if (octets === undefined) return undefined;
      const took = Buffer.from(octets).readUInt32BE();
      const lasted = Number(record['flowEndMilliseconds']) - Number(record['flowStartMilliseconds']);
      // both ends of a flow are rounded down to milliseconds
      t.true(took > 0 && took <= (lasted + 1) * 1_000, `port ${port}: ${took} us of ${lasted} ms`);
      return took;
    };
    t.true(handshake(LATE)! > handshake(PROMPT)!);
    t.not(handshake(RESET), undefined);
    for (const port of [REFUSED, SILENT]) t.is(handshake(port), undefined);
    const { outcomes } = exporter.log().find(({ msg }) => msg === 'stopped')!;
    const none = { refused: 0, unanswered: 0, reset: 0 };
    t.deepEqual(outcomes, {
      [`tcp/${REFUSED}`]: { ...none, refused: 1 },
      [`tcp/${RESET}`]: { ...none, reset: 1 },
      [`udp/${SILENT}`]: { ...none, unanswered: 1 },
    });
  },
);
