import { Argument, Command } from 'commander';
import { standardOutput } from '../../common/terminal/standard-streams.js';
import { bashCompletion } from './bash.js';
import { entryOf, type CommandEntry } from './entries.js';
import { fishCompletion } from './fish.js';
import { zshCompletion } from './zsh.js';

/** What each shell reads, made of the same commands and flags as the help. */
export const SHELLS: Readonly<Record<string, (program: CommandEntry) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `ctflow completion` */
export function completionCommand(): Command {
  return new Command('completion')
    .description('print what a shell needs to complete commands, flags and their values')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
The packages for Debian and Red Hat install all three. By hand, it takes effect in the next shell.

Examples:
  # ctflow completion bash > /etc/bash_completion.d/ctflow
  # ctflow completion zsh > /usr/local/share/zsh/site-functions/_ctflow
  $ ctflow completion fish > ~/.config/fish/completions/ctflow.fish
  $ source <(ctflow completion bash)`,
    )
    .action((shell: string, _: unknown, command: Command) => {
      standardOutput().write(SHELLS[shell](entryOf(command.parent!)));
    });
}
