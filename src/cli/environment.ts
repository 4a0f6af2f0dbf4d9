import type { Command } from 'commander';

const OFF = new Set(['', '0', 'false', 'no', 'off']);

/**
 * Commander sets a switch when its variable exists, whatever its value. Removes the variables that disable theirs.
 * @param environment the process's, changed in place
 */
export function dropDisabledSwitches(commands: readonly Command[], environment: NodeJS.ProcessEnv): void {
  for (const option of commands.flatMap(command => command.options)) {
    const { envVar } = option;
    const value = envVar === undefined ? undefined : environment[envVar];
    if (option.isBoolean() && envVar !== undefined && value !== undefined && OFF.has(value.toLowerCase())) {
      delete environment[envVar];
    }
  }
}
