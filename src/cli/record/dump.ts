import { constants } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { Command } from 'commander';
import { describeDuration } from '../../common/duration.js';
import { CtflowError, errnoOf } from '../../common/errors.js';
import { note, standardOutput } from '../../common/terminal/standard-streams.js';
import { describeSize } from '../../common/size.js';
import { addSettings } from '../../config/options.js';
import type { WrittenRecording } from '../../daemon/recorder/written-recordings.js';
import { askDaemon } from '../control/ask-daemon.js';
import { controlSetting } from '../control/settings.js';

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
      const what = 'ctflow run polls, and writes the recording';
      const written = (await askDaemon(control, { command: 'record-dump' }, what)) as WrittenRecording;
      const { path, octets, from = 0, to = 0 } = written;
      note(`${describeSize(octets)}, ${describeDuration(to - from)} from the oldest to the newest`);
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
