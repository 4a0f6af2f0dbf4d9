import type { time } from '@datadog/pprof';

/** A profile in pprof's format. */
export type Profile = ReturnType<typeof time.stop>;

export interface Frame {
  readonly name: string;
  readonly file: string;
}

/** Functions by who called them, as flame graphs want them. */
export interface CallTree {
  readonly name: string;
  /** Of the function and all that it called. */
  value: number;
  readonly children: CallTree[];
}

/**
 * The samples of a profile as a tree.
 * @param kind of value: `cpu`, `inuse_space`, …
 */
export function callTree(profile: Profile, kind: string): CallTree {
  const index = valueIndex(profile, kind);
  const names = namesOf(profile);
  const root: CallTree = { name: 'all', value: 0, children: [] };
  for (const { locationId, value } of profile.sample) {
    const amount = Number(value[index]);
    if (amount === 0) continue;
    let node = root;
    node.value += amount;
    // the leaf stands first
    for (const id of locationId.toReversed()) {
      const name = names.get(Number(id)) ?? '(unknown)';
      let child = node.children.find(child => child.name === name);
      if (!child) node.children.push((child = { name, value: 0, children: [] }));
      child.value += amount;
      node = child;
    }
  }
  return root;
}

/** Takes out the samples in which one of these functions was at work, or whatever it called. */
export function without(profile: Profile, functions: ReadonlySet<string>): void {
  const names = namesOf(profile);
  const called = (id: number | bigint): boolean => functions.has((names.get(Number(id)) ?? '').split(' ')[0]);
  profile.sample = profile.sample.filter(({ locationId }) => !locationId.some(called));
}

/** Where in a sample the values of this kind stand. @throws where the profile has none */
export function valueIndex({ sampleType, stringTable: { strings } }: Profile, kind: string): number {
  const index = sampleType.findIndex(({ type }) => strings[Number(type)] === kind);
  if (index < 0) throw new Error(`the profile has no values of ${kind}`);
  return index;
}

/** By number of the location: the function, and the path of its file, empty where it has none. */
export function framesOf({ location, function: functions, stringTable: { strings } }: Profile): Map<number, Frame> {
  const byId = new Map(functions.map(one => [Number(one.id), one]));
  return new Map(
    location.map(({ id, line: [line] }) => {
      const one = byId.get(Number(line?.functionId));
      const name = strings[Number(one?.name)] || '(anonymous)';
      return [Number(id), { name, file: strings[Number(one?.filename)] ?? '' }];
    }),
  );
}

/** By number of the location: the function, and its file without its folders. */
function namesOf(profile: Profile): Map<number, string> {
  const text = ({ name, file }: Frame): string => (file ? `${name} ${file.split('/').at(-1)}` : name);
  return new Map([...framesOf(profile)].map(([id, frame]) => [id, text(frame)]));
}
