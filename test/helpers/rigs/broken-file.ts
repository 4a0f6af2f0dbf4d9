import test from 'ava';
import { Command } from 'commander';
import { writeFileSync } from 'node:fs';
import { createFallbackBackend } from '../../../src/backend/fallback.js';
import { checkRun } from '../../../src/cli/run-checks.js';
import { inOrder } from '../../../src/config/config-file.js';
import { addRunSettings } from '../../../src/config/run-config.js';
import { temporaryPath } from '../temporary.js';

/** The mistakes of a file are those of the file: on a machine without the native module as on any other. */
const NATIVE = { ...createFallbackBackend(), name: 'native' } as const;

/** What is wrong, the file (its first line begins behind the backtick's), and all that is said of it: line, column, what, what to write. */
type Broken = readonly [what: string, yaml: string, said: readonly string[]];

/** A test for each broken file: all its mistakes are named in one go. */
export function eachMistake(broken: readonly Broken[]): void {
  for (const [what, yaml, said] of broken) {
    test(`every mistake is named, with its place and what to write: ${what}`, t => {
      const path = temporaryPath(t, 'ctflow.yaml');
      writeFileSync(path, yaml.slice(1));
      const command = new Command('run').action(() => {});
      const config = addRunSettings(command);
      command.parse(['--config', path], { from: 'user' });
      const mistakes = inOrder([...config().mistakes, ...checkRun(config(), NATIVE)]);
      t.deepEqual(
        mistakes.map(({ message, hint }) => `${message}. ${hint}`.replace(`${path}:`, '').replace(path, 'FILE')),
        said,
      );
      for (const { code, message } of mistakes)
        t.is(code, message.startsWith('There is no destination') ? 'CTFLOW_USAGE' : 'CTFLOW_CONFIG');
    });
  }
}
