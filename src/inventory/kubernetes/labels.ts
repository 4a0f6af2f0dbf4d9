import { LONGEST_NAME } from '../../row/layout.generated.js';

/** In place of keys: all labels. */
export const ALL_LABELS = 'all';

export interface KeptLabels {
  /** JSON, as Antrea writes it: `{"app":"web","team":"shop"}`, in the order of the keys; empty where none are asked for. */
  readonly text: string;
  /** Labels that were asked for and found no room. */
  readonly leftOut: number;
}

/**
 * The labels of a pod that are wanted, as far as they have room in a name. Those that were asked for first come first; of all labels
 * those whose keys do.
 * @param wanted keys, or ALL_LABELS
 */
export function keptLabels(labels: Readonly<Record<string, string>> = {}, wanted: readonly string[]): KeptLabels {
  if (wanted.length === 0) return { text: '', leftOut: 0 };
  const keys = wanted.includes(ALL_LABELS) ? Object.keys(labels).toSorted() : wanted;
  const kept: [string, string][] = [];
  let leftOut = 0;
  // braces; each label has its comma, and the last one none
  let room = LONGEST_NAME - 1;
  for (const key of keys) {
    if (!Object.hasOwn(labels, key)) continue;
    const size = Buffer.byteLength(labelText(key, labels[key])) + 1;
    if (size > room) leftOut++;
    else {
      room -= size;
      kept.push([key, labels[key]]);
    }
  }
  const texts = kept.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => labelText(key, value));
  return { text: `{${texts.join(',')}}`, leftOut };
}

/** A label as it stands in the JSON of a pod's labels; without a value its key alone. */
export function labelText(key: string, value?: string): string {
  return `${JSON.stringify(key)}:${value === undefined ? '' : JSON.stringify(value)}`;
}
