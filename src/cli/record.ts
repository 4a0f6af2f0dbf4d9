import { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { CtflowError } from '../common/errors.js';
import { HOST_LITTLE_ENDIAN } from '../common/u64.js';
import { loadBackend } from '../backend/load.js';
import { RecordingWriter } from '../sources/recording.js';
import { NetlinkSource } from '../sources/netlink.js';
import { note } from '../common/terminal/standard-streams.js';
import { duration, wholeNumber } from '../config/kind.js';
import { addSettings } from '../config/options.js';
import { defaulted } from '../config/setting.js';
import { netnsSetting } from '../config/source-settings.js';
import { Progress } from './progress.js';
import { recordDumpCommand } from './record/dump.js';
import { handleSignals } from './signals.js';

const recordSettings = {
  ...netnsSetting,
  count: defaulted('', wholeNumber('<n>', 1, 1_000_000), 1, 'number of dumps'),
  interval: defaulted('', duration('10ms', '24h'), 5000, 'time from the start of one dump to the next'),
};

/** `ctflow record` */
export function recordCommand(): Command {
  return addSettings(new Command('record'), recordSettings)
    .description('record the conntrack table to a file that --source replay:FILE replays on any system (native only)')
    .argument('<file>', 'created or overwritten')
    .addCommand(recordDumpCommand())
    .addHelpText(
      'after',
      `
The file holds the netlink messages as the kernel sent them, with the addresses and ports of real connections.

Examples:
  # ctflow record dump.ctflow
  # ctflow record hour.ctflow --count 720 --interval 5s
  $ ctflow run --collector udp://127.0.0.1:4739 --source replay:hour.ctflow --flow-poll-interval 1s`,
    )
    .action(record);
}

interface RecordFlags {
  netns?: string;
  count: number;
  interval: number;
}

async function record(path: string, flags: RecordFlags, command: Command): Promise<void> {
  if (flags.count === 1 && command.getOptionValueSource('interval') !== 'default') {
    note('--interval has no effect without --count: there is one dump');
  }
  const backend = await loadBackend('native');
  const source = backend.openKernel({ filter: {}, ...(flags.netns !== undefined && { netns: flags.netns }) });
  if (!(source instanceof NetlinkSource)) throw new TypeError('the native backend reads netlink');
  const waiting = new AbortController();
  let dumps = 0;
  let octets = 0;
  const signals = handleSignals({
    report: () => note(`${dumps} of ${flags.count} dumps, ${octets} bytes of netlink`),
    cutShort: signal => note(`${signal} again: ended at once; the last dump in ${path} may be cut off`),
  });
  void signals.stopped.then(() => waiting.abort());
  const writer = await RecordingWriter.create(path, HOST_LITTLE_ENDIAN);
  let written = 0;
  const far = (): string =>
    `dump ${Math.min(dumps + 1, flags.count)} of ${flags.count}, ${written.toLocaleString('en-US')} bytes of netlink`;
  const progress = new Progress(far);
  try {
    while (!waiting.signal.aborted && dumps < flags.count) {
      const began = performance.now();
      await writer.beginDump(BigInt(Date.now()) * 1_000_000n);
      const summary = await source.recordDump(chunk => {
        written += chunk.length;
        return writer.write(chunk);
      });
      if (!summary.complete) {
        throw new CtflowError(
          'CTFLOW_NETLINK',
          `Dump ${dumps + 1} is incomplete`,
          `Record again; the last dump in ${path} is marked as truncated`,
          summary.error,
        );
      }
      await writer.endDump();
      dumps++;
      octets += summary.bytes;
      const wait = flags.interval - (performance.now() - began);
      if (dumps < flags.count && wait > 0) {
        await sleep(wait, undefined, { signal: waiting.signal }).catch(() => undefined); // stopped
      }
    }
  } finally {
    progress.close();
    await writer.close();
    source.close();
  }
  note(`${dumps} dumps, ${octets} bytes of netlink written to ${path}`);
}
