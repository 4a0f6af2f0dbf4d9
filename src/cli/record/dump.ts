import { constants } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { Command } from 'commander';
import { formatDuration } from '../../common/duration.js';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { note, standardOutput } from '../../common/terminal/standard-streams.js';
import { addSettings } from '../../config/options.js';
import { ask } from '../../daemon/control/client.js';
import type { WrittenRecording } from '../../daemon/recorder/written-recordings.js';
import { Progress } from '../progress.js';
import { controlSetting } from '../control/settings.js';

/** Milliseconds that a daemon has to write its recording. */
const WRITE_MS = 600_000;

/** `ctflow record dump` */
export function recordDumpCommand(): Command {
  return addSettings(new Command('dump'), controlSetting)
    .description('let the flight recorder of a running ctflow write out what it holds, and print the path of the file')
    .argument('[file]', 'a copy, too; created or overwritten')
    .addHelpText(
      'after',
      '\nExamples:\n  # ctflow record dump\n  # ctflow record dump incident.ctflow\n  $ ctflow run --collector udp://127.0.0.1:4739 --source replay:incident.ctflow',
    )
    .action(async (copy: string | undefined, { control }: { control?: string }) => {
      const progress = new Progress(() => 'ctflow run polls, and writes the recording');
      const asked = ask(control, { command: 'record-dump' }, WRITE_MS).finally(() => progress.close());
      const written = (await asked) as WrittenRecording;
      const { path, octets, from = 0, to = 0 } = written;
      note(`${octets} bytes, ${formatDuration(to - from)} from the oldest to the newest`);
      standardOutput().write(`${path}\n`);
      if (copy !== undefined) await copyTo(copy, path);
    });
}

async function copyTo(copy: string, path: string): Promise<void> {
  try {
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    // addresses of real connections are nobody else's
    await chmod(copy, 0o600);
  } catch (error) {
    throw new CtflowError(
      'CTFLOW_RECORDING',
      `Cannot copy the recording to '${copy}' (${errnoOf(error)})`,
      `Copy ${path} elsewhere`,
      error,
    );
  }
}
