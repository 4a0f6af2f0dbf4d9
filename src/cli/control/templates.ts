import { Command } from 'commander';
import { standardOutput } from '../../common/terminal/standard-streams.js';
import { addSettings } from '../../config/options.js';
import type { ResentTemplates } from '../../destination/set/destination-set.js';
import { askDaemon } from './ask-daemon.js';
import { controlSetting } from './settings.js';

/** `ctflow templates` */
export function templatesCommand(): Command {
  const resend = addSettings(new Command('resend'), controlSetting)
    .description('let a running ctflow send its templates again now, over UDP and DTLS')
    .argument('[destination]', 'its name; all where there is none')
    .addHelpText('after', '\nExamples:\n  # ctflow templates resend\n  # ctflow templates resend main')
    .action(async (destination: string | undefined, { control }: { control?: string }) => {
      const request = { command: 'templates-resend', destination } as const;
      for (const one of (await askDaemon(control, request)) as ResentTemplates[]) {
        const what = 'skipped' in one ? `not sent: ${one.skipped}` : `${one.templates} sent again`;
        standardOutput().write(`${one.destination}: ${what}\n`);
      }
    });
  return new Command('templates').description('templates of a running ctflow').addCommand(resend);
}
