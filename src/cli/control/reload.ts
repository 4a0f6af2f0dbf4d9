import { Command } from 'commander';
import { standardOutput } from '../../common/terminal/standard-streams.js';
import { addSettings } from '../../config/options.js';
import { ask } from '../../daemon/control/client.js';
import type { Reloaded } from '../../daemon/reload/reloader.js';
import { ANSWER_MS, controlSetting } from './settings.js';

/** `ctflow reload` */
export function reloadCommand(): Command {
  return addSettings(new Command('reload'), controlSetting)
    .description('let a running ctflow read its settings and its inventory again, as SIGHUP does')
    .addHelpText('after', '\nExamples:\n  # ctflow reload')
    .action(async ({ control }: { control?: string }) => {
      const { changed, added, removed, needRestart, kept } = (await ask(
        control,
        { command: 'reload' },
        ANSWER_MS,
      )) as Reloaded;
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
