import { Command } from 'commander';
import { standardOutput } from '../../common/terminal/standard-streams.js';
import { addSettings } from '../../config/options.js';
import type { Flushed } from '../../destination/set/destination-set.js';
import { askDaemon } from './ask-daemon.js';
import { controlSetting } from './settings.js';

/** `ctflow flush` */
export function flushCommand(): Command {
  return addSettings(new Command('flush'), controlSetting)
    .description('let a running ctflow poll, and export what has news without waiting for timeouts')
    .argument('[destination]', 'its name; all where there is none')
    .addHelpText('after', '\nExamples:\n  # ctflow flush\n  # ctflow flush main')
    .action(async (destination: string | undefined, { control }: { control?: string }) => {
      const flushed = (await askDaemon(control, { command: 'flush', destination }, 'ctflow run polls')) as Flushed[];
      for (const { destination: name, due } of flushed)
        standardOutput().write(`${name}: ${due} ${due === 1 ? 'connection' : 'connections'} due now\n`);
    });
}
