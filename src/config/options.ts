import { type Command, Option } from 'commander';
import { z } from 'zod';
import { CtflowError } from '../common/errors.js';
import { type Blame, errorsOf, throwMistakes } from './mistakes.js';
import { type About, about, flagName, inOrder, type Settings, shown, variableName } from './setting.js';

/** The flag and the variable of a setting. They give texts; the schema reads them. */
class SettingOption extends Option {
  readonly key: string;

  constructor(key: string, about: About) {
    const { kind, text, fallback, group } = about;
    super(`${flagName(key, about)} ${kind.form}`, text);
    this.key = key;
    this.env(variableName(key, about));
    if (group !== '') this.helpGroup(`${group}:`);
    // commander takes any bracket for it
    this.optional = kind.form.startsWith('[');
    if (this.optional) this.preset('on');
    if (kind.choices) this.argChoices = [...kind.choices];
    if (fallback !== undefined) this.default(fallback, shown(about));
    this.argParser((value: string, before: unknown) =>
      kind.many && Array.isArray(before) && before !== fallback ? [...before, value] : kind.many ? [value] : value,
    );
  }

  override attributeName(): string {
    return this.key;
  }
}

/** Gives a command the flags and variables of these settings. */
export function addOptions(command: Command, settings: Settings): void {
  for (const [key, about] of inOrder(settings)) command.addOption(new SettingOption(key, about));
}

/** The same, and reads them before its action. */
export function addSettings(command: Command, settings: Settings): Command {
  addOptions(command, settings);
  return command.hook('preAction', () => readSettings(command, settings));
}

/** @throws CtflowError CTFLOW_USAGE, Mistakes for several */
function readSettings(command: Command, settings: Settings): void {
  const given = Object.keys(settings).filter(key => isGiven(command, key));
  const { success, data, error } = z
    .strictObject(settings)
    .safeParse(Object.fromEntries(given.map(key => [key, command.getOptionValue(key) as unknown])));
  const blame: Blame = ([key], what, hint) => {
    const name = String(key);
    const origin = command.getOptionValueSource(name) === 'env' ? variableName : flagName;
    return new CtflowError('CTFLOW_USAGE', `${origin(name, about(settings[name]))}: ${what}`, hint);
  };
  if (!success) {
    throwMistakes(error.issues.flatMap(issue => errorsOf(issue, blame, () => '')));
    return;
  }
  for (const [key, value] of Object.entries(data))
    command.setOptionValueWithSource(key, value, command.getOptionValueSource(key) ?? 'default');
}

/** Whether a setting stands in the command line or in a variable. */
export function isGiven(command: Command, key: string): boolean {
  return ['cli', 'env'].includes(command.getOptionValueSource(key)!);
}
