/** Something that reads what others wrote, as a fuzzer runs it. */
export interface Target {
  /** Parts of paths of the code that guides, such as `/dist/collector/`: an input that reaches something new there is kept. */
  readonly covers: readonly string[];
  /** Inputs of the tests. */
  readonly seeds: () => readonly Uint8Array[];
  /** Words that inputs are made of; for texts. */
  readonly words?: readonly string[];
  /** Makes checksums and lengths right, so that what was changed is read and not refused at once. */
  readonly mend?: (input: Uint8Array) => Uint8Array;
  /** Reads an input. Whatever it throws is a finding: errors that are allowed it catches itself. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

/** When it is enough, and what is a finding. */
export interface Limits {
  readonly seed: number;
  /** Inputs. */
  readonly runs: number;
  readonly seconds: number;
  /** Whoever takes so long for one input stands still. */
  readonly hangSeconds: number;
  /** MiB. */
  readonly memory: number;
}

/** Octets of an input, at most. */
export const LARGEST_INPUT = 65_536;

/** A module of targets/ by its name. @throws where there is none */
export async function loadTarget(name: string): Promise<Target> {
  const { default: target } = (await import(`./targets/${name}.js`)) as { default: Target };
  return target;
}

/** Names of the targets in TypeScript. */
export const TARGETS = [
  'collector',
  'configuration',
  'filter',
  'inventory',
  'procfs',
  'replay',
  'send',
  'state',
] as const;
