/** The values of one metric: those of its labels in their order, and a number. */
export type Sample = readonly [labels: readonly string[], value: number];

/** One metric: what docs/metrics.md says of it, and how it is read. */
export interface Metric<From> {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  readonly labels: readonly string[];
  /** No samples where what it counts is not there. */
  readonly read: (from: From) => readonly Sample[];
}

/** A section of docs/metrics.md. */
export interface MetricGroup<From> {
  readonly title: string;
  /** When its metrics are there; empty for always. */
  readonly when: string;
  readonly metrics: readonly Metric<From>[];
}

type Value = number | boolean | undefined;

/** A metric without labels. */
export function metric<From>(
  type: Metric<From>['type'],
  name: string,
  help: string,
  read: (from: From) => Value,
): Metric<From> {
  const samples = (value: Value): Sample[] => (value === undefined ? [] : [[[], Number(value)]]);
  return { name, type, help, labels: [], read: from => samples(read(from)) };
}

/** A metric with one label. @param read numbers by the label's value */
export function metricBy<From>(
  type: Metric<From>['type'],
  name: string,
  help: string,
  label: string,
  read: (from: From) => Readonly<Record<string, number>> | undefined,
): Metric<From> {
  const samples = (values: Readonly<Record<string, number>> = {}): Sample[] =>
    Object.entries(values).map(([key, value]) => [[key], value]);
  return { name, type, help, labels: [label], read: from => samples(read(from)) };
}

/** The same metric of each of several things. @param label whose value `nameOf` gives */
export function metricOfEach<From, One>(
  all: (from: From) => readonly One[],
  label: string,
  nameOf: (one: One) => string,
  { read, labels, ...rest }: Metric<One>,
): Metric<From> {
  const samples = (one: One): Sample[] => read(one).map(([values, value]) => [[nameOf(one), ...values], value]);
  return { ...rest, labels: [label, ...labels], read: from => all(from).flatMap(samples) };
}

/** Three metrics of what was not exported: connections, and the packets and bytes that no record has. */
export function unexported<From>(
  prefix: string,
  what: string,
  read: (from: From) => { connections: number; packets: number; octets: number } | undefined,
): Metric<From>[] {
  return [
    metric('counter', `${prefix}_connections_total`, `Connections ${what}.`, from => read(from)?.connections),
    metric('counter', `${prefix}_packets_total`, `Packets of connections ${what}.`, from => read(from)?.packets),
    metric('counter', `${prefix}_bytes_total`, `Octets of connections ${what}.`, from => read(from)?.octets),
  ];
}
