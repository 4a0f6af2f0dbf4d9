import { Buffer } from 'node:buffer';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { CSV_HEADER } from '../../src/collector/formats/csv.js';
import { parseEndpoint } from '../../src/common/endpoint.js';
import { eventually } from '../helpers/eventually.js';
import { needs } from '../helpers/kernel/require.js';
import {
  EXPORT_TIME,
  hex,
  message,
  optionsTemplateSet,
  set,
  short,
  templateSet,
  u32,
  VARIABLE,
} from '../helpers/builders/ipfix-builder.js';

const CTFLOW = fileURLToPath(new URL('../../../bin/ctflow.js', import.meta.url));

const TEMPLATES = message(
  {},
  templateSet(256, [8, 4], [12, 4], [4, 1], [1, 8]),
  optionsTemplateSet(257, 1, [149, 4], [41, 8]),
);
const flow = hex('c0000201 c6336401 06 0020000000000001');
const flows = (sequence: number, count = 1): Buffer => message({ sequence }, set(256, ...Array(count).fill(flow)));
const options = (sequence: number): Buffer => message({ sequence }, set(257, u32(1), hex('0000000000000005')));

class Collect {
  stdout = '';
  readonly octets: Buffer[] = [];
  stderr = '';
  readonly child: ChildProcessWithoutNullStreams;
  readonly closed: Promise<unknown>;

  constructor(t: ExecutionContext, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.child = spawn(process.execPath, [CTFLOW, 'collect', ...args], { env: { ...process.env, ...env } });
    t.teardown(() => this.child.kill('SIGKILL'));
    this.child.stdout.on('data', (chunk: Buffer) => {
      this.octets.push(chunk);
      this.stdout += chunk;
    });
    this.child.stderr.on('data', chunk => (this.stderr += chunk));
    this.closed = once(this.child, 'close');
  }

  /** Where it listens, once it does. */
  async port(which = 0): Promise<number> {
    return eventually('the port', () => {
      const lines = [...this.stderr.matchAll(/listening on (\S+)\n/g)];
      return lines.length > which && parseEndpoint(lines[which][1]).port;
    });
  }

  async end(): Promise<number | null> {
    await this.closed;
    return this.child.exitCode;
  }

  lines(): string[] {
    return this.stdout.split('\n').filter(Boolean);
  }
}

async function send(port: number, ...messages: Uint8Array[]): Promise<void> {
  const socket = createSocket('udp4');
  for (const bytes of messages) {
    await new Promise<void>(resolve => socket.send(bytes, port, '127.0.0.1', () => resolve()));
  }
  socket.close();
}

test('JSON: one record per line, stops after --count flow records, prints its counters', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--format', 'json', '--count', '3']);
  await send(await collect.port(), TEMPLATES, flows(0), options(1), flows(2, 5));
  t.is(await collect.end(), 0);
  const records = collect.lines().map(line => JSON.parse(line) as Record<string, unknown>);
  t.is(records.length, 4);
  const { exporter, ...first } = records[0];
  t.regex(String(exporter), /^udp:\/\/127\.0\.0\.1:\d+$/);
  t.deepEqual(first, {
    observationDomain: 1,
    exportTime: new Date(EXPORT_TIME * 1000).toISOString().replace('.000Z', 'Z'),
    template: 256,
    sourceIPv4Address: '192.0.2.1',
    destinationIPv4Address: '198.51.100.1',
    protocolIdentifier: 6,
    octetDeltaCount: '9007199254740993',
  });
  t.is(records[1]['options'], true);
  t.regex(
    collect.stderr,
    /^ctflow: stopped after 3 flow records \(--count\)\nctflow: udp:\/\/127\.0\.0\.1, observation domain 1: 4 messages, 6 records, 0 lost, 1 options records\nctflow: 4 messages, 6 records, 0 lost, 0 undecodable sets, 0 malformed messages, 1 options records$/m,
  );
});

test("--elements gives elements of one's own their names and types, in the output and in filters", async t => {
  const own = templateSet(256, [8, 4], [1, 4, 32_473], [2, VARIABLE, 32_473]);
  const of = (microseconds: number) => Buffer.concat([hex('c0000201'), u32(microseconds), short('nginx')]);
  const args = ['--listen', 'udp://127.0.0.1:0', '--format', 'json', '--filter', 'tcp.handshake > 200ms'];
  const elements = ['--elements', 'tcpHandshakeMicroseconds=32473/1,sourceCommand=32473/2'];
  const collect = new Collect(t, [...args, '--count', '1', ...elements]);
  await send(await collect.port(), message({}, own), message({}, set(256, of(200_999), of(201_000))));
  t.is(await collect.end(), 0);
  t.like(JSON.parse(collect.lines()[0]), { tcpHandshakeMicroseconds: 201_000, sourceCommand: 'nginx' });
  t.notRegex(collect.stderr, /asks for/);
  const without = new Collect(t, [...args, '--duration', '10ms']);
  t.is(await without.end(), 0);
  t.regex(without.stderr, /--filter asks for tcp\.handshake, .+ without --elements tcpHandshakeMicroseconds=PEN\/ID\n/);
  for (const [text, said] of [
    ['octetDeltaCount=32473/1', "'octetDeltaCount=32473/1': only what no registry has gets an element of your own"],
    ['sourceCommand', "'sourceCommand=' has no element. Write sourceCommand=PEN/ID"],
    ['sourceCommand=0/1', "'sourceCommand=0/1' has no element"],
    ['sourceCommand=56506/101', "'sourceCommand=56506/101': 56506/101 is "],
    ['sourceCommand=1/1,destinationCommand=1/1', "'1/1' is given twice"],
  ]) {
    const wrong = new Collect(t, ['--elements', text]);
    t.is(await wrong.end(), 2);
    t.true(wrong.stderr.includes(`CTFLOW_USAGE: --elements: ${said}`), wrong.stderr);
  }
});

test('--filter prints and counts only flow records that match, and no options records', async t => {
  const udp = hex('c0000202 c6336401 11 0000000000000005');
  const args = ['--filter', 'protocol == udp && bytes < 1kB', '--format', 'json', '--count', '2'];
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', ...args]);
  await send(await collect.port(), TEMPLATES, flows(0, 3), options(3), message({ sequence: 4 }, set(256, udp, udp)));
  t.is(await collect.end(), 0);
  const sources = collect.lines().map(line => (JSON.parse(line) as { sourceIPv4Address: string }).sourceIPv4Address);
  t.deepEqual(sources, ['192.0.2.2', '192.0.2.2']);
  t.regex(collect.stderr, /^ctflow: 3 flow records left out by --filter$/m);
  t.regex(collect.stderr, /^ctflow: stopped after 2 flow records/m);
});

test('table: a header, one line per flow, no options records', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--count', '2']);
  await send(await collect.port(), TEMPLATES, options(0), flows(1, 2));
  t.is(await collect.end(), 0);
  const lines = collect.lines();
  t.is(lines.length, 3);
  t.regex(lines[0], /^time +proto +source +destination +pkts +octets +\+pkts +\+octets end +more$/);
  t.regex(lines[1], /^\d\d:\d\d:40 tcp +192\.0\.2\.1 +198\.51\.100\.1 +9007199254740993$/);
  t.is(lines[1].indexOf('198.'), lines[0].indexOf('destination'));
});

test('CSV: the header comes first, flows alone, lines end in CR and LF', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--format', 'csv', '--count', '2']);
  const port = await collect.port();
  await eventually('the header', () => collect.stdout === CSV_HEADER);
  await send(port, TEMPLATES, options(0), flows(1, 2));
  t.is(await collect.end(), 0);
  const [first, second, end, ...more] = collect.stdout.slice(CSV_HEADER.length).split('\r\n');
  t.regex(
    first,
    /^udp:\/\/127\.0\.0\.1:\d+,1,2026-05-28T20:26:40Z,256,,,192\.0\.2\.1,198\.51\.100\.1,,,,,6,,,,9007199254740993,/,
  );
  t.deepEqual([second, end, more], [first, '', []]);
});

test('IPFIX: what it writes is an IPFIX File that it reads again, from several exporters (RFC 5655)', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--format', 'ipfix']);
  const port = await collect.port();
  await send(port, TEMPLATES, flows(7), options(8), flows(9, 2000));
  await send(port, message({}, templateSet(256, [4, 1]), set(256, hex('11'))));
  await eventually('the records', () => Buffer.concat(collect.octets).length > 34_000);
  collect.child.kill('SIGTERM');
  t.is(await collect.end(), 0);
  const again = new Collect(t, ['--listen', 'tcp://127.0.0.1:0', '--format', 'json', '--count', '2002']);
  const socket = connect(await again.port(), '127.0.0.1');
  socket.end(Buffer.concat(collect.octets));
  t.is(await again.end(), 0);
  const records = again.lines().map(line => JSON.parse(line) as Record<string, unknown>);
  t.is(records.filter(record => record['octetDeltaCount'] === '9007199254740993').length, 2001);
  t.deepEqual(
    records
      .filter(record => record['options'] === true)
      .map(record => record['exportedMessageTotalCount'] ?? record['originalExporterIPv4Address']),
    ['127.0.0.1', '5'].map(value => (value === '5' ? 5 : value)),
  );
  t.regex(again.stderr, /, 0 lost, 0 undecodable sets, 0 malformed messages/);
});

needs(test, ['script'])('IPFIX is not written to a terminal', async t => {
  const child = spawn('script', ['-qec', `'${process.execPath}' '${CTFLOW}' collect --format ipfix`, '/dev/null']);
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', chunk => (said += chunk));
  const [code] = await once(child, 'close');
  t.is(code, 2, said);
  t.regex(said, /CTFLOW_USAGE: An IPFIX file is binary, and standard output is a terminal\. /);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} ends it with exit code 0, and prints what has arrived`, async t => {
    const collect = new Collect(t, [
      '--listen',
      'udp://127.0.0.1:0',
      '--listen',
      'tcp://127.0.0.1:0',
      '--format',
      'json',
    ]);
    await send(await collect.port(), TEMPLATES, flows(0), flows(4), message({ sequence: 5 }, set(999)), hex('00'));
    const socket = connect(await collect.port(1), '127.0.0.1');
    socket.resume(); // it notices that the collector ends, and ends too
    await once(socket, 'connect');
    await new Promise<void>(resolve => socket.write(Buffer.concat([TEMPLATES, flows(0)]), () => resolve()));
    await eventually('three records', () => collect.lines().length === 3);
    collect.child.kill(signal);
    t.is(await collect.end(), 0);
    socket.destroy();
    t.regex(collect.stderr, /^ctflow: 6 messages, 3 records, 3 lost, 1 undecodable sets, 1 malformed messages$/m);
  });
}

test('SIGTERM half-closes connections and drains them', async t => {
  const collect = new Collect(t, ['--listen', 'tcp://127.0.0.1:0', '--format', 'json']);
  const port = await collect.port();
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.resume();
  await new Promise<void>(resolve => socket.write(Buffer.concat([TEMPLATES, flows(0)]), () => resolve()));
  await eventually('a record', () => collect.lines().length === 1);
  const told = once(socket, 'end');
  collect.child.kill('SIGTERM');
  await told;
  const refused = connect(port, '127.0.0.1');
  const [error] = await once(refused, 'error');
  t.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED', 'no new connections');
  for (let i = 1; i <= 40; i++) {
    socket.write(flows(i));
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  socket.end();
  t.is(await collect.end(), 0);
  t.is(collect.lines().length, 41);
  t.notRegex(collect.stderr, /did not close/);
});

test('a second SIGTERM ends it at once, though a connection does not', async t => {
  const collect = new Collect(t, ['--listen', 'tcp://127.0.0.1:0']);
  const socket = connect({ port: await collect.port(), host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  const told = once(socket, 'end');
  collect.child.kill('SIGTERM');
  await told;
  collect.child.kill('SIGTERM');
  await collect.end();
  t.is(collect.child.signalCode, 'SIGTERM');
  t.regex(collect.stderr.trimEnd().split('\n').at(-1)!, /^ctflow: SIGTERM again: ended at once; 0 messages/);
});

test('other versions, missing templates and refused ones are said when they happen', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--listen', 'tcp://127.0.0.1:0']);
  const port = await collect.port();
  const netflow = (version: number): Buffer => Buffer.concat([Buffer.from([0, version, 0, 1]), Buffer.alloc(20)]);
  await send(port, flows(0), message({}, templateSet(300, [82, 0])), netflow(5), netflow(5), netflow(5));
  const stream = connect(await collect.port(1), '127.0.0.1', () => stream.write(netflow(9)));
  stream.on('error', () => {});
  t.teardown(() => stream.destroy());
  await eventually('four notes', () => collect.stderr.split('\n').length >= 7);
  const udp = String.raw`ctflow: udp://127\.0\.0\.1:\d+`;
  t.regex(collect.stderr, new RegExp(`^${udp}: records of template 256 wait `, 'm'));
  t.regex(collect.stderr, new RegExp(`^${udp}: template 300 is refused`, 'm'));
  t.is(collect.stderr.match(new RegExp(`^${udp} sends NetFlow 5;`, 'gm'))?.length, 1);
  t.regex(collect.stderr, /^ctflow: tcp:\/\/127\.0\.0\.1:\d+ sends NetFlow 9; .*IPFIX/m);
  collect.child.kill('SIGTERM');
  t.is(await collect.end(), 0);
  t.regex(collect.stderr, new RegExp(`^${udp} sends NetFlow 5; .* \\(2 more times\\)$`, 'm'));
});

for (const [listen, says] of [
  ['tcp://127.0.0.1:0', true],
  ['udp://127.0.0.1:0,tcp://127.0.0.1:0', false],
] as const) {
  test(`--template-lifetime ${says ? 'has no' : 'has an'} effect on ${listen}`, async t => {
    const collect = new Collect(t, ['--listen', listen, '--template-lifetime', '5m', '--duration', '10ms']);
    t.is(await collect.end(), 0);
    t.is(
      collect.stderr.includes('--template-lifetime has no effect without a UDP or DTLS address in --listen\n'),
      says,
    );
  });
}

test('a reader that stands still slows a TCP exporter down, and memory stays small', async t => {
  const child = spawn(process.execPath, [CTFLOW, 'collect', '--listen', 'tcp://127.0.0.1:0', '--format', 'json']);
  t.teardown(() => child.kill('SIGKILL'));
  let notes = '';
  child.stderr.on('data', chunk => (notes += chunk));
  const listening = await eventually('the port', () => /listening on (\S+)\n/.exec(notes)?.[1]);
  const socket = connect(parseEndpoint(listening).port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.on('error', () => {});
  // a line of JSON for each octet, a hundred times as long
  const define = message({}, templateSet(256, [4, 1]));
  const large = message({}, set(256, Buffer.alloc(65_515, 6)));
  let written = 0;
  const MESSAGES = 600;
  socket.write(define);
  const next = (): void => {
    if (written === MESSAGES) return;
    socket.write(large, () => {
      written++;
      next();
    });
  };
  next();
  let before = -1;
  await eventually('the exporter to stand still', () => {
    const still = written > 0 && written === before;
    before = written;
    return still;
  });
  t.true(written < MESSAGES);
  const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]);
  t.true(peak < 600_000, `${peak} kB`);
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  await once(child, 'exit');
});

test('every flag also comes from the environment', async t => {
  const collect = new Collect(t, [], {
    CTFLOW_LISTEN: 'udp://127.0.0.1:0,tcp://127.0.0.1:0',
    CTFLOW_FORMAT: 'json',
    CTFLOW_COUNT: '1',
    CTFLOW_DURATION: '1h',
  });
  await collect.port(1);
  await send(await collect.port(), TEMPLATES, flows(0, 2));
  t.is(await collect.end(), 0);
  t.is(collect.lines().length, 1);
  t.truthy(JSON.parse(collect.stdout));
});

test('--duration ends it', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--duration', '200ms']);
  t.is(await collect.end(), 0);
  t.is(collect.stdout, '');
  t.regex(collect.stderr, /^ctflow: 0 messages, 0 records/m);
});

test('a closed output ends it without a message, and its exit code is 1', async t => {
  const collect = new Collect(t, ['--listen', 'udp://127.0.0.1:0', '--format', 'json']);
  const port = await collect.port();
  await send(port, TEMPLATES, flows(0));
  await eventually('a record', () => collect.lines().length === 1);
  collect.child.stdout.destroy();
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  const stream = setInterval(
    () => socket.send(Buffer.from(message({}, TEMPLATES.subarray(16), set(256, flow))), port),
    20,
  );
  t.teardown(() => clearInterval(stream));
  t.is(await collect.end(), 1);
  t.is(collect.stderr.split('\n').length, 2, collect.stderr); // where it listened, and nothing else
});

test('an address that cannot be bound or parsed is an error', async t => {
  const first = new Collect(t, ['--listen', 'udp://127.0.0.1:0']);
  const taken = new Collect(t, ['--listen', `udp://127.0.0.1:${await first.port()}`]);
  t.is(await taken.end(), 1);
  t.regex(
    taken.stderr,
    /^ctflow: CTFLOW_ADDRESS: Cannot listen on udp:\/\/127\.0\.0\.1:\d+ \(EADDRINUSE\)\. .*port\n$/,
  );
  for (const [args, message] of [
    [['--listen', 'sctp://127.0.0.1'], /CTFLOW_USAGE: --listen: 'sctp:\/\/127\.0\.0\.1'/],
    [['--count', '0'], /CTFLOW_USAGE: --count: '0'/],
    [['--count', 'many'], /CTFLOW_USAGE: --count: 'many'/],
    [['--duration', '5'], /CTFLOW_USAGE: --duration: '5'/],
    [['--format', 'xml'], /xml/],
  ] as const) {
    const wrong = new Collect(t, args);
    t.is(await wrong.end(), 2, args.join(' '));
    t.regex(wrong.stderr, message);
  }
});
