/** The exporter of files is killed, while others move its files away. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { decodeMessage } from '../../src/collector/decode/decode.js';
import type { CollectedRecord } from '../../src/collector/decode/record.js';
import { MessageFramer } from '../../src/collector/message-framer.js';
import { TransportSession } from '../../src/collector/transport-session.js';
import { DESTINATION_DEFAULTS } from '../../src/destination/destination-options.js';
import { Exporter, EXPORTER_DEFAULTS } from '../../src/exporter.js';
import { backends } from '../helpers/backends.js';
import { udp } from '../helpers/builders/connections.js';
import { openJournal } from '../helpers/builders/journals.js';
import { FakeSource } from '../helpers/fakes/fake-source.js';
import { listeningLogger } from '../helpers/fakes/listening-logger.js';
import { temporaryPath } from '../helpers/temporary.js';

const KILLS = 20;
/** Milliseconds that an exporter lives at most. */
const LONGEST = 120;
const CONNECTIONS = 100;
const FILE = 'flows.ipfix';

/** Connections that count on with the clock, whoever looks at them. */
class Clock extends FakeSource {
  /** Milliseconds since 1970; the first exporter is there before. */
  began = 0;
  stopped: number | undefined;

  /** Packets of each connection; as many answers. */
  packets(): number[] {
    const age = (this.stopped ?? Date.now()) - this.began;
    return Array.from({ length: CONNECTIONS }, (_, i) => 1 + Math.floor(age / (10 + (i % 7))));
  }

  override dump(...how: Parameters<FakeSource['dump']>): ReturnType<FakeSource['dump']> {
    const connections = this.packets().map((packets, i) =>
      udp(i + 1, this.began, [packets, packets * 100, packets, packets * 50], { id: i + 1 }),
    );
    this.next({ connections: this.began === 0 ? [] : connections });
    return super.dump(...how);
  }
}

/** An exporter with its state file and its files in a folder. */
async function live(t: ExecutionContext, folder: string, source: Clock): Promise<Exporter> {
  const { log } = listeningLogger();
  const { journal } = await openJournal(join(folder, 'state'));
  const exporter = new Exporter({
    ...EXPORTER_DEFAULTS,
    flowPollInterval: 10,
    maxConnections: 1_000,
    backend: backends()[0],
    source,
    state: journal,
    destinations: [
      {
        ...DESTINATION_DEFAULTS,
        name: 'files',
        endpoint: { protocol: 'file', path: join(folder, FILE) },
        observationDomain: 1,
        activeFlowExportTimeout: 5,
        maxRate: 'off',
        fileMaxSize: 32_768,
        fileKeepSize: 'off',
      },
    ],
    log,
  });
  t.teardown(() => exporter.close());
  await exporter.open();
  return exporter;
}

/** What SIGKILL would leave at this moment: nothing runs but a write, a rename or a sync that is under way. */
function leftIn(folder: string, next: string): void {
  for (;;) {
    const names = listOf(folder);
    mkdirSync(join(next, 'moved'), { recursive: true });
    try {
      for (const name of names) copyFileSync(join(folder, name), join(next, name));
      if (String(listOf(folder)) === String(names)) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    // it got its name meanwhile
    rmSync(next, { recursive: true });
  }
}

function listOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1));
}

/** Records of a file, and whether it ends within a message. */
function read(path: string): { records: readonly CollectedRecord[]; torn: boolean } {
  const session = new TransportSession(path, 'tcp');
  const framer = new MessageFramer();
  const records: CollectedRecord[] = [];
  const fault = framer.push(readFileSync(path), bytes => {
    const { records: some, malformed } = decodeMessage(bytes, session);
    if (malformed !== undefined) throw new Error(`${malformed} in ${path}`);
    records.push(...some.filter(({ isOptions }) => !isOptions));
  });
  if (fault !== undefined) throw new Error(`${fault} in ${path}`);
  const { undecodableSets, sequenceLost } = session.stats;
  if (undecodableSets + sequenceLost > 0) throw new Error(`sets without a template, or a gap, in ${path}`);
  return { records, torn: framer.incomplete };
}

test('an exporter of files that is killed at 20 random moments, while its files are moved: no record twice, none missing uncounted', async t => {
  let folder = temporaryPath(t, 'life-0');
  mkdirSync(join(folder, 'moved'), { recursive: true });
  let names = 100;
  const move = (name: string): void => {
    if (existsSync(join(folder, name))) renameSync(join(folder, name), join(folder, 'moved', `${names++}-${name}`));
  };
  const clock = new Clock([], 'netlink', CONNECTIONS);
  let exporter = await live(t, folder, clock);
  clock.began = Date.now() + 1;
  let uncertain = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    await sleep((Math.random() * LONGEST) / 2);
    // as logrotate does, and as whoever ships files
    if (kill % 3 === 0) move(FILE);
    else if (kill % 3 === 1)
      listOf(folder)
        .filter(name => /^flows-.*\.ipfix$/.test(name))
        .forEach(move);
    await sleep((Math.random() * LONGEST) / 2);
    const next = temporaryPath(t, `life-${kill}`);
    leftIn(folder, next);
    // in the folder that nobody looks at any more
    await exporter.close();
    folder = next;
    exporter = await live(t, folder, clock);
    uncertain += exporter.stats().destinations[0].restartUncertain?.packets ?? 0;
  }
  await sleep(LONGEST);
  clock.stopped = Date.now();
  t.is(await exporter.close(), 0);

  const files = listOf(folder).filter(name => name.endsWith('.ipfix'));
  const counted = new Map<number, number>();
  const seen = new Set<string>();
  let all = 0;
  for (const file of files) {
    const { records, torn } = read(join(folder, file));
    t.true(!torn || file.startsWith('moved'), `${basename(file)} ends within a message`);
    for (const record of records) {
      const port = Number(record.get('sourceTransportPort'));
      const packets = Number(record.get('packetDeltaCount')) + Number(record.get('reversePacketDeltaCount'));
      counted.set(port, (counted.get(port) ?? 0) + packets);
      seen.add(`${port} ${String(record.get('packetTotalCount'))}`);
      all++;
    }
  }
  const missing = clock.packets().map((packets, i) => packets * 2 - (counted.get(i + 1) ?? 0));
  const sum = missing.reduce((total, packets) => total + packets, 0);
  t.log({ files: files.length, records: all, missing: sum, uncertain });
  t.true(all >= CONNECTIONS, `${all} records`);
  t.is(seen.size, all, 'a record stands there twice');
  t.true(Math.min(...missing) >= 0, 'packets are counted twice');
  t.true(sum <= uncertain, `${sum} packets missing, ${uncertain} uncertain`);
});
