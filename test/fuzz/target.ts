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

/** Octets of an input, at most. */
export const LARGEST_INPUT = 65_536;

/** A module of targets/ by its name. @throws where there is none */
export async function loadTarget(name: string): Promise<Target> {
  const { default: target } = (await import(`./targets/${name}.js`)) as { default: Target };
  return target;
}

/** Names of the targets. */
export const TARGETS = ['collector', 'filter', 'inventory', 'procfs', 'replay', 'state'] as const;
