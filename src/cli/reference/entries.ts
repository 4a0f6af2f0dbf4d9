import type { EventEmitter } from 'node:events';
import { Help, type Command, type Option } from 'commander';

/** A flag of a command, as completion and man pages have it. */
export interface FlagEntry {
  /** `--profile` */
  readonly name: string;
  /** `-h` */
  readonly short?: string;
  /** What follows: `<name>`, `[on|off]`, or nothing. */
  readonly form: string;
  readonly text: string;
  /** Words that it takes, where it takes no others. */
  readonly choices: readonly string[];
  /** Whether a value must follow. */
  readonly wantsValue: boolean;
  readonly takesFile: boolean;
  /** The default as the flag has it. */
  readonly fallback?: string;
  readonly variable?: string;
  /** The heading it stands under, '' for none. */
  readonly group: string;
}

/** A command. */
export interface CommandEntry {
  /** Its words behind `ctflow`: none, `run`, or `config`, `check`. */
  readonly path: readonly string[];
  readonly description: string;
  /** `<file>`, `[destination]` */
  readonly args: readonly { readonly form: string; readonly text: string }[];
  /** Words that its first argument may be, where it may be no others. */
  readonly words: readonly string[];
  readonly takesFile: boolean;
  readonly flags: readonly FlagEntry[];
  readonly subcommands: readonly CommandEntry[];
  /** What the help says behind the flags: lines, an empty one between paragraphs. */
  readonly prose: string;
  readonly examples: readonly string[];
}

/** Forms of what is a file or a folder; `<bytes|path>` is not. */
const FILE = /^[<[](file|folder|path|path\|off|name\|path)(\.\.\.)?[>\]]$/;

/** What commander knows of a command and of those within it. */
export function entryOf(command: Command, above: readonly string[] = []): CommandEntry {
  const path = command.parent ? [...above, command.name()] : above;
  const [prose, examples = ''] = helpBehind(command).split(/^Examples:\n/m);
  const args = command.registeredArguments.map(argument => {
    const name = argument.name() + (argument.variadic ? '...' : '');
    return { form: argument.required ? `<${name}>` : `[${name}]`, text: argument.description };
  });
  return {
    path,
    description: command.description(),
    args,
    words: command.registeredArguments[0]?.argChoices ?? [],
    takesFile: args.some(({ form }) => FILE.test(form)),
    flags: new Help().visibleOptions(command).map(option => flagOf(option)),
    subcommands: command.commands.map(one => entryOf(one, path)),
    prose: prose.trim(),
    examples: examples
      .split('\n')
      .map(line => line.trim())
      .filter(line => line !== ''),
  };
}

/** A command and all within it, in the order of the help. */
export function allEntries(entry: CommandEntry): CommandEntry[] {
  return [entry, ...entry.subcommands.flatMap(allEntries)];
}

function flagOf(option: Option): FlagEntry {
  const { long, short, flags, description, argChoices, required, envVar, defaultValueDescription } = option;
  const form = /[<[].*$/.exec(flags)?.[0] ?? '';
  return {
    name: long!,
    ...(short !== undefined && { short }),
    form,
    text: description,
    choices: argChoices ?? (/^[<[]on\|off[>\]]$/.test(form) ? ['on', 'off'] : []),
    wantsValue: required,
    takesFile: FILE.test(form),
    ...(defaultValueDescription !== undefined && { fallback: defaultValueDescription }),
    ...(envVar !== undefined && { variable: envVar }),
    group: (option.helpGroupHeading ?? '').replace(/:$/, ''),
  };
}

/** The texts that addHelpText has put behind the help. */
function helpBehind(command: Command): string {
  let text = '';
  // commander's types leave out that a command is an emitter
  (command as unknown as EventEmitter).emit('afterHelp', {
    error: false,
    command,
    write: (piece: string) => (text += piece),
  });
  return text;
}
