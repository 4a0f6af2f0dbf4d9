import { Command } from 'commander';
import { CtflowError } from '../../common/errors.js';
import { note, standardOutput } from '../../common/terminal/standard-streams.js';
import { addSettings } from '../../config/options.js';
import type { Reloaded } from '../../daemon/reload/reloader.js';
import { askDaemon } from './ask-daemon.js';
import { controlSetting } from './settings.js';

/** `ctflow reload` */
export function reloadCommand(): Command {
  return addSettings(new Command('reload'), controlSetting)
    .description('let a running ctflow read its settings and its inventory again, as SIGHUP does')
    .addHelpText('after', '\nExamples:\n  # ctflow reload')
    .action(async ({ control }: { control?: string }) => {
      const { changed, added, removed, needRestart, kept } = await reload(control);
      const lines = [
        ...changed.map(name => `${name}: changed`),
        ...added.map(name => `destinations.${name}: added`),
        ...removed.map(name => `destinations.${name}: removed`),
        ...needRestart.map(name => `${name}: needs a restart`),
        ...kept.map(sentence => `${sentence}: see the log of ctflow run`),
      ];
      standardOutput().write(lines.length > 0 ? `${lines.join('\n')}\n` : 'no setting has changed\n');
    });
}

async function reload(control: string | undefined): Promise<Reloaded> {
  try {
    return (await askDaemon(control, { command: 'reload' }, 'ctflow run reads its settings again')) as Reloaded;
  } catch (error) {
    const unasked = error instanceof CtflowError && ['CTFLOW_CONTROL', 'CTFLOW_PERMISSION'].includes(error.code);
    if (!unasked) note('nothing has changed: ctflow run keeps the settings that it has');
    throw error;
  }
}
