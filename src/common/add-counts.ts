/** The counts of two objects of the same form added up; what is no number, or an object of them, is the later one's. */
export function addCounts<T extends object>(earlier: T | undefined, later: T | undefined): T | undefined {
  if (!earlier || !later) return later ?? earlier;
  const sum = { ...earlier, ...later } as Record<string, unknown>;
  for (const [name, before] of Object.entries(earlier)) {
    const after: unknown = Reflect.get(later, name);
    if (typeof before === 'number') sum[name] = before + ((after as number | undefined) ?? 0);
    else if (typeof before === 'object' && before !== null) sum[name] = addCounts(before as object, after as object);
  }
  return sum as unknown as T;
}
