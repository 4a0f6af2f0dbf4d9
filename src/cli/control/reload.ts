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
      const { changed, needRestart } = (await ask(control, { command: 'reload' }, ANSWER_MS)) as Reloaded;
      for (const name of changed) standardOutput().write(`${name}: changed\n`);
      for (const name of needRestart) standardOutput().write(`${name}: needs a restart\n`);
      if (changed.length + needRestart.length === 0) standardOutput().write('no setting has changed\n');
    });
}
