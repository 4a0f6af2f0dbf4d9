import { accessSync } from 'node:fs';
import type { Command } from 'commander';
import { type DestinationEndpoint, formatDestination } from '../common/destination-endpoint.js';
import { CtflowError, errnoOf } from '../common/errors.js';
import { nearest } from '../common/nearest.js';
import { ConfigFile, DEFAULT_FILE } from './config-file.js';
import { destinationSettings } from './destination-settings.js';
import { type Blame, errorsOf, NAME_HINT, type Path } from './mistakes.js';
import { addOptions, isGiven } from './options.js';
import { configSchema, fileSettings, NAME, ownSettings, type RunSettings, runSettings } from './run-settings.js';
import { RECORD_KEYS, recordMap } from './recorder-settings.js';
import { about, flagName, shown, type Settings, variableName } from './setting.js';

type DestinationSettings = Pick<RunSettings, keyof typeof destinationSettings>;

/** The address of a destination whose own is wrong: nothing is sent there. */
const NOWHERE: DestinationEndpoint = { protocol: 'udp', host: '', port: 0 };

/** Keys of settings by their flags. */
const KEYS: ReadonlyMap<string, string> = new Map(
  Object.entries(runSettings as Settings).map(([key, schema]) => [flagName(key, about(schema)), key]),
);

/** What is said of a run that would export to nobody. */
export const NO_DESTINATION = 'There is no destination';

/** A destination, of the file or of --collector: what it does not say itself is what all destinations have. */
export interface DestinationConfig extends DestinationSettings {
  /** Its key in the file, or its address. */
  readonly name: string;
  readonly endpoint: DestinationEndpoint;
  /** What it says itself. */
  readonly own: ReadonlySet<string>;
}

/** The settings of a run, where each comes from, and what is wrong with them. */
export class RunConfig {
  readonly settings: RunSettings;
  readonly destinations: readonly DestinationConfig[];
  /** The file, where there is one. */
  readonly file: ConfigFile | undefined;
  /** Of values; what was wrong is not among the settings. */
  readonly mistakes: readonly CtflowError[];
  readonly #command: Command;
  /** What flags and variables say, as texts. */
  readonly #given: ReadonlyMap<string, unknown>;
  /** Settings that were wrong. */
  readonly #broken = new Set<string>();

  /** @param command whose flags are parsed; @param given what they say @throws CtflowError CTFLOW_CONFIG where the file cannot be read */
  constructor(command: Command, given = givenBy(command)) {
    this.#command = command;
    this.#given = given;
    const file = openFile(command.getOptionValue('config') as string | undefined);
    this.file = file;
    const mistakes = [...(file?.errors ?? [])];
    const raw: Record<string, unknown> = structuredClone({ ...file?.value });
    for (const [key, text] of given) raw[key] = text;
    let read = configSchema.safeParse(raw);
    if (!read.success) {
      for (const issue of read.error.issues) {
        mistakes.push(...errorsOf(issue, this.blame, mend));
        const paths =
          issue.code === 'unrecognized_keys' ? issue.keys.map(key => [...issue.path, key]) : [issue.path.slice(0, 3)];
        for (const path of paths) this.#leaveOut(raw, path);
      }
      read = configSchema.safeParse(raw);
    }
    const { destinations = {}, record = {}, ...others } = read.data ?? configSchema.parse({});
    const settings = { ...others, ...this.#ofRecord(record, mistakes) };
    this.settings = settings;
    const named = Object.entries(destinations).map(([name, own]) => {
      const { flowCollectorAddr: endpoint = NOWHERE, ...rest } = own;
      const path = ['destinations', name];
      if (!NAME.test(name)) mistakes.push(this.blame(path, 'this is not a name', NAME_HINT, true));
      if (endpoint === NOWHERE && !this.#isBroken([...path, 'flowCollectorAddr'])) {
        mistakes.push(
          this.blame(path, 'there is no flowCollectorAddr', 'Write flowCollectorAddr: udp://HOST:PORT', true),
        );
        this.#broken.add([...path, 'flowCollectorAddr'].join('.'));
      }
      return this.#destination(name, endpoint, rest, ['flowCollectorAddr']);
    });
    const unnamed = (settings.flowCollectorAddr ?? []).map(endpoint =>
      this.#destination(formatDestination(endpoint), endpoint, {}, []),
    );
    this.destinations = [...named, ...unnamed];
    // metrics are of use by themselves
    if (this.destinations.length === 0 && settings.metrics === undefined && !this.#meantDestinations())
      mistakes.push(
        new CtflowError(
          'CTFLOW_USAGE',
          NO_DESTINATION,
          `Give --collector udp://HOST:PORT, or write destinations: in ${file?.path ?? DEFAULT_FILE}, or give --metrics`,
        ),
      );
    this.mistakes = mistakes;
  }

  /** The file is read again; flags and variables are as they were. @throws as the constructor */
  again(): RunConfig {
    return new RunConfig(this.#command, this.#given);
  }

  /** Whether the user gave a setting, wherever. */
  isGiven(key: string): boolean {
    return isGiven(this.#command, key) || this.#inFile(key);
  }

  /** Whether the user gave a setting that is not what the file says of all that is so by default: `ctflow config print` does. */
  isMeant(key: keyof RunSettings): boolean {
    if (!this.#inFile(key)) return this.isGiven(key);
    const known = about((runSettings as Settings)[key]);
    return known.fallback === undefined || shown(known) !== shown(known, this.settings[key]);
  }

  /** Where a setting that was given comes from: `--mtu`, `CTFLOW_MTU`, or the file. */
  originOf(key: string): string {
    return this.#inFile(key) ? this.file!.path : this.say([key]);
  }

  /** The path of what a destination has: its own key, or that of all destinations. */
  pathOf(destination: DestinationConfig, key: keyof DestinationSettings): Path {
    const own = ['destinations', destination.name, key];
    return destination.own.has(key) || this.#isBroken(own) ? own : [key];
  }

  /** An error of one value, with its place where the file has it. */
  atValue(path: Path, error: CtflowError): CtflowError {
    return this.#isFromFile(path) ? this.blame(path, error.message, error.hint ?? '') : error;
  }

  /** A setting as the user knows it: `--mtu`, `CTFLOW_MTU`, or `destinations.main.mtu` of the file. */
  say(path: Path, value?: string): string {
    const [key] = path;
    const name = String(key);
    const isDefault = !isGiven(this.#command, name);
    if (this.#isFromFile(path) || (this.file && isDefault)) {
      const text = path.map(key => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
      return value === undefined ? text.slice(1) : `${text.slice(1)}: ${value}`;
    }
    const setting = about((runSettings as Settings)[name]);
    const variable = this.#command.getOptionValueSource(name) === 'env';
    if (variable) return value === undefined ? variableName(name, setting) : `${variableName(name, setting)}=${value}`;
    return value === undefined ? flagName(name, setting) : `${flagName(name, setting)} ${value}`;
  }

  /** A text that names flags, with the names that the user knows them by. */
  inWords(text: string): string {
    return text.replaceAll(/--[a-z][a-z0-9-]*/g, flag => {
      const key = KEYS.get(flag);
      return key === undefined ? flag : this.say([key]);
    });
  }

  /** The error of one value. */
  readonly blame: Blame = (path, what, hint, atKey = false) =>
    this.#error(path, `${this.say(path)}: ${what}`, hint, atKey);

  /**
   * The error of settings that do not go together, unless one of them is wrong by itself.
   * @param paths the first names the place
   */
  conflict(paths: readonly Path[], what: string, hint: string): CtflowError[] {
    return paths.some(path => this.#isBroken(path)) ? [] : [this.#error(paths[0], what, hint, true)];
  }

  #error(path: Path, what: string, hint: string, atKey: boolean): CtflowError {
    if (this.file && this.#isFromFile(path)) return this.file.error(this.#pathInFile(path), what, hint, atKey);
    return new CtflowError('CTFLOW_USAGE', what, hint);
  }

  /** @param more what it says itself beside its settings */
  #destination(
    name: string,
    endpoint: DestinationEndpoint,
    own: Partial<DestinationSettings>,
    more: readonly string[],
  ): DestinationConfig {
    const shared = Object.fromEntries(
      Object.keys(destinationSettings).map(key => [key, this.settings[key as keyof DestinationSettings]]),
    );
    return {
      ...(shared as unknown as DestinationSettings),
      ...own,
      name,
      endpoint,
      own: new Set([...more, ...Object.keys(own)]),
    };
  }

  /** Whether something that is wrong would have been a destination. */
  #meantDestinations(): boolean {
    const keys = [...this.#broken].map(path => path.split('.')[0]);
    const about = keys.some(key => nearest(key, ['destinations', 'flowCollectorAddr', 'collector']) !== undefined);
    return about || (this.file?.errors ?? []).length > 0;
  }

  #isFromFile([key]: Path): boolean {
    return key === 'destinations' || this.#inFile(String(key));
  }

  #inFile(key: string): boolean {
    if (this.file === undefined || isGiven(this.#command, key)) return false;
    return (
      Object.hasOwn(this.file.value, key) ||
      RECORD_KEYS.some(([inside, flat]) => flat === key && this.#inRecord(inside))
    );
  }

  /** A setting of the recorder may stand in the map `record`. */
  #pathInFile(path: Path): Path {
    const [inside] = RECORD_KEYS.find(([inside, flat]) => flat === path[0] && this.#inRecord(inside)) ?? [];
    return inside === undefined ? path : ['record', inside];
  }

  #inRecord(key: string): boolean {
    const record = this.file?.value['record'];
    return typeof record === 'object' && record !== null && Object.hasOwn(record, key);
  }

  /** The settings of the map `record`, but those that a flag or a variable gives. */
  #ofRecord(record: Readonly<Record<string, unknown>>, mistakes: CtflowError[]): Partial<RunSettings> {
    const found: Record<string, unknown> = {};
    for (const [inside, key] of RECORD_KEYS) {
      if (!Object.hasOwn(record, inside) || isGiven(this.#command, key)) continue;
      if (Object.hasOwn(this.file!.value, key))
        mistakes.push(this.blame(['record', inside], `${key} says the same`, 'Remove one of them', true));
      found[key] = record[inside];
    }
    return found;
  }

  #isBroken(path: Path): boolean {
    return this.#broken.has(path.slice(0, 3).join('.'));
  }

  #leaveOut(raw: Record<string, unknown>, path: Path): void {
    // a list is left out whole
    const keys = path[0] === 'destinations' ? path : path.slice(0, 1);
    this.#broken.add(keys.join('.'));
    const last = keys.at(-1)!;
    let inside: unknown = raw;
    for (const key of keys.slice(0, -1)) inside = (inside as Record<PropertyKey, unknown> | undefined)?.[key];
    if (typeof inside === 'object' && inside !== null) delete (inside as Record<PropertyKey, unknown>)[last];
  }
}

/**
 * Gives a command the settings of a run.
 * @returns the configuration, once the command line is parsed
 */
export function addRunSettings(command: Command): () => RunConfig {
  addOptions(command, { ...fileSettings, ...runSettings });
  let config: RunConfig | undefined;
  command.hook('preAction', () => {
    config = new RunConfig(command);
    for (const [key, value] of Object.entries(config.settings))
      command.setOptionValueWithSource(key, value, command.getOptionValueSource(key) ?? 'config');
  });
  return () => config!;
}

/** What flags and variables say. */
function givenBy(command: Command): ReadonlyMap<string, unknown> {
  const keys = Object.keys(runSettings).filter(key => isGiven(command, key));
  return new Map(keys.map(key => [key, command.getOptionValue(key) as unknown]));
}

/** What to write instead of a key that is not known. */
function mend(path: Path): string {
  const key = String(path.at(-1));
  const isTop = path.length === 1;
  const inRecord = !isTop && path[0] === 'record';
  const meant = nearest(key, Object.keys(isTop ? configSchema.shape : inRecord ? recordMap : ownSettings));
  if (meant !== undefined) return `Did you mean ${meant}?`;
  if (key === '<<') return 'Keys are not merged: write what all destinations have at the top';
  if (inRecord) return `Known there: ${Object.keys(recordMap).join(', ')}`;
  if (!isTop && Object.hasOwn(runSettings, key)) return 'It is the same for all destinations: write it at the top';
  // what a collector's address is called elsewhere
  if (/^(collectors?|addr(ess)?|endpoint|host|server|target|ur[il])$/i.test(key))
    return 'Did you mean flowCollectorAddr?';
  return '`ctflow config example` shows every key';
}

/** @param given `none` for no file */
function openFile(given: string | undefined): ConfigFile | undefined {
  if (given === 'none') return undefined;
  if (given !== undefined) return ConfigFile.open(given);
  try {
    accessSync(DEFAULT_FILE);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error))) return undefined;
  }
  return ConfigFile.open(DEFAULT_FILE);
}
