/** Longer texts have no near one: the comparison takes the product of both lengths. */
const LONGEST = 64;

/**
 * The name that somebody most likely meant, undefined where none is near: case, hyphens and underscores do not count, and of longer
 * names more edits do not.
 */
export function nearest(text: string, names: Iterable<string>): string | undefined {
  if (text.length > LONGEST) return undefined;
  const wanted = plain(text);
  let found: string | undefined;
  let least = Math.max(1, Math.min(2, Math.floor(text.length / 3)), Math.floor(text.length / 6)) + 1;
  for (const name of names) {
    const other = plain(name);
    if (Math.abs(other.length - wanted.length) >= least) continue;
    const edits = editsBetween(wanted, other);
    if (edits >= least) continue;
    found = name;
    least = edits;
  }
  return found;
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Characters that are inserted, removed, replaced or swapped with their neighbour (optimal string alignment). */
function editsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, replaced);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}
