import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { loadBackend } from '../backend/load.js';
import type { CtflowError } from '../common/errors.js';
import { note, standardOutput } from '../common/terminal/standard-streams.js';
import { inOrder } from '../config/config-file.js';
import { throwMistakes } from '../config/mistakes.js';
import { addRunSettings, type RunConfig } from '../config/run-config.js';
import { effectiveFile, exampleFile } from '../config/yaml-lines.js';
import { fileMistakes } from './file-mistakes.js';
import { checkRun } from './run-checks.js';
import { settingsWithoutEffect } from './settings-without-effect.js';

const SCHEMA = fileURLToPath(new URL('../../ctflow.schema.json', import.meta.url));

/** `ctflow config` */
export function configCommand(): Command {
  return new Command('config')
    .description('check, print or begin the configuration file of `ctflow run`')
    .addCommand(
      withSettings(
        'check',
        'name every mistake, and start nothing; exit code 2 where there is one',
        check,
        ['$ ctflow config check', '$ ctflow config check --config ctflow.yaml --profile antrea'],
        fileMistakes,
      ),
    )
    .addCommand(
      withSettings('print', 'print the settings that hold, as a file, with where each comes from', print, [
        '$ ctflow config print --config ctflow.yaml',
        '$ ctflow config print --collector udp://192.0.2.10:4739 > ctflow.yaml',
      ]),
    )
    .addCommand(
      new Command('example')
        .description('print a file with every key, its default and what it does')
        .addHelpText('after', examples(['# ctflow config example > /etc/ctflow/ctflow.yaml']))
        .action(() => void standardOutput().write(exampleFile(SCHEMA))),
    )
    .addHelpText('after', examples(['$ ctflow config check', '# ctflow config example > /etc/ctflow/ctflow.yaml']));
}

/** A command with the flags of `ctflow run`. */
function withSettings(
  name: string,
  description: string,
  action: (config: RunConfig) => void,
  lines: readonly string[],
  moreMistakes?: (config: RunConfig) => Promise<CtflowError[]>,
): Command {
  const command = new Command(name).description(description);
  const config = addRunSettings(command);
  return command.addHelpText('after', examples(lines)).action(async () => {
    const backend = await loadBackend(config().settings.backend, () => {});
    const more = (await moreMistakes?.(config())) ?? [];
    throwMistakes(inOrder([...config().mistakes, ...checkRun(config(), backend), ...more]));
    for (const sentence of settingsWithoutEffect(config(), backend)) note(sentence);
    action(config());
  });
}

function check({ file, destinations }: RunConfig): void {
  const count = destinations.length === 1 ? '1 destination' : `${destinations.length} destinations`;
  standardOutput().write(`${file ? file.path : 'no file'}: no mistakes, ${count}\n`);
}

function print(config: RunConfig): void {
  standardOutput().write(effectiveFile(config));
}

function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map(line => `  ${line}`).join('\n')}`;
}
