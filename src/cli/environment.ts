import type { Command } from 'commander';
import { CtflowError } from '../common/errors.js';
import { OFF, ON } from './values.js';

/** Variables of a checkout's scripts and tests. */
const ELSEWHERE = /^CTFLOW_(SETUP|NO_SKIP|SEED|DENIED_PACKETS|DENIED_TUPLES)$/;
/** What Kubernetes sets in every container for a service that is named ctflow. */
const KUBERNETES = /^CTFLOW_(SERVICE|PORT)(_|$)/;

/**
 * Commander takes a variable that is empty for a value, and sets a switch whatever its variable says. Removes variables
 * that are empty, and those that switch something off.
 * @param environment the process's, changed in place
 * @returns variables that no command has
 */
export function tidyEnvironment(commands: readonly Command[], environment: NodeJS.ProcessEnv): string[] {
  const switches = new Map<string, boolean>();
  for (const option of commands.flatMap(command => command.options)) {
    if (option.envVar !== undefined) switches.set(option.envVar, option.isBoolean());
  }
  for (const [name, isSwitch] of switches) {
    const value = environment[name]?.toLowerCase();
    if (value === '' || (isSwitch && OFF.has(value!))) delete environment[name];
  }
  return Object.keys(environment).filter(
    name => name.startsWith('CTFLOW_') && !switches.has(name) && !ELSEWHERE.test(name) && !KUBERNETES.test(name),
  );
}

/** @throws CtflowError CTFLOW_USAGE where the variable of a switch of this command says neither yes nor no */
export function checkSwitches(command: Command, environment: NodeJS.ProcessEnv): void {
  for (const option of command.options) {
    if (!option.isBoolean() || command.getOptionValueSource(option.attributeName()) !== 'env') continue;
    const value = environment[option.envVar!]!;
    if (ON.has(value.toLowerCase())) continue;
    throw new CtflowError(
      'CTFLOW_USAGE',
      `${option.envVar}: '${value}' says neither yes nor no`,
      'Write 1, true, yes or on; 0, false, no or off',
    );
  }
}
