import { z } from 'zod';
import type { CtflowError } from '../common/errors.js';
import type { Kind } from './kind.js';

/** The headings that settings stand under in the help and in the reference, in this order. */
export const GROUPS = [
  '',
  'Source',
  'Timeouts',
  'Connections',
  'Kubernetes',
  'Addresses',
  'Conntrack events',
  'Denied packets',
  'Metrics',
  'Flight recorder',
  'Records',
  'Transport',
  'TLS',
  'Files',
] as const;
export type Group = (typeof GROUPS)[number];

/** What is known of a setting beside its name. */
export interface About {
  readonly group: Group;
  readonly kind: Kind<unknown>;
  /** One sentence. */
  readonly text: string;
  readonly fallback?: unknown;
  /** The flag's name where it is not that of the key. */
  readonly flag?: string;
}

/** A schema that reads what stands in a flag, a variable or the file. */
type Reader<T> = z.ZodType<T>;
/** Settings by their keys in the file. */
export type Settings = Readonly<Record<string, z.ZodType>>;

const abouts = new WeakMap<z.ZodType, About>();

/** A setting without a default. */
export function setting<T>(group: Group, kind: Kind<T>, text: string, flag?: string): z.ZodExactOptional<Reader<T>> {
  const schema = reader(kind).exactOptional();
  abouts.set(schema, { group, kind: kind as Kind<unknown>, text, ...(flag !== undefined && { flag }) });
  return schema;
}

/** A setting with a default. */
export function defaulted<T>(group: Group, kind: Kind<T>, fallback: NoInfer<T>, text: string): z.ZodDefault<Reader<T>> {
  const schema = reader(kind).default(fallback as never);
  abouts.set(schema, { group, kind: kind as Kind<unknown>, text, fallback });
  return schema;
}

/** The same settings without their defaults: what is not given is taken from elsewhere. */
export function own<S extends Settings>(settings: S): { [K in keyof S]: WithoutDefault<S[K]> } {
  const entries = Object.entries(settings).map(([key, schema]) => {
    if (!(schema instanceof z.ZodDefault)) return [key, schema];
    const { fallback: _, ...rest } = about(schema);
    const bare = (schema.unwrap() as z.ZodType).exactOptional();
    abouts.set(bare, rest);
    return [key, bare];
  });
  return Object.fromEntries(entries) as { [K in keyof S]: WithoutDefault<S[K]> };
}

type WithoutDefault<S> = S extends z.ZodDefault<infer T extends z.ZodType> ? z.ZodExactOptional<T> : S;

export function isSetting(schema: z.core.$ZodType): schema is z.ZodType {
  return abouts.has(schema as z.ZodType);
}

/** @throws TypeError for a schema that is not a setting */
export function about(schema: z.ZodType): About {
  const found = abouts.get(schema);
  if (!found) throw new TypeError('not a setting');
  return found;
}

/** A value as a flag has it. */
export function shown({ kind, fallback }: About, value = fallback): string {
  const written = kind.write(value);
  if (typeof written === 'boolean') return written ? 'on' : 'off';
  return [written].flat().join(',');
}

/** The settings in the order of their groups. */
export function inOrder(settings: Settings): [string, About][] {
  const all = Object.entries(settings).map(([key, schema]): [string, About] => [key, about(schema)]);
  return GROUPS.flatMap(group => all.filter(([, about]) => about.group === group));
}

/** `--flow-poll-interval` */
export function flagName(key: string, { flag }: Pick<About, 'flag'>): string {
  return `--${flag ?? key.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}

/** `CTFLOW_FLOW_POLL_INTERVAL` */
export function variableName(key: string, about: Pick<About, 'flag'>): string {
  return `CTFLOW_${flagName(key, about).slice(2).replaceAll('-', '_').toUpperCase()}`;
}

function reader<T>(kind: Kind<T>): Reader<T> {
  return z.unknown().transform((raw, context): T => {
    // zod asks for what is not there too, and leaves it out then
    if (raw === undefined) return undefined as T;
    const values: { value: unknown; item: number }[] = [];
    const map = kind.entry && isMap(raw) ? Object.entries(raw) : undefined;
    const items: unknown[] = map ?? (kind.many ? [raw].flat().flatMap(partsOf) : [raw]);
    const refuse = (what: string, hint: string, item: number): void =>
      context.addIssue({
        code: 'custom',
        message: what,
        params: { hint },
        path: map ? [map[item][0]] : kind.many && (Array.isArray(raw) || items.length > 1) ? [item] : [],
      });
    const expected = `Write ${kind.allowed}`;
    if (items.length === 0)
      context.addIssue({
        code: 'custom',
        message: map ? 'the map is empty' : 'the list is empty',
        params: { hint: expected },
      });
    if (kind.most !== undefined && items.length > kind.most)
      refuse(`there are ${items.length}`, `Write ${kind.most} at most`, kind.most);
    for (const [item, one] of items.slice(0, kind.most).entries()) {
      if (!map && !['string', 'number', 'boolean'].includes(typeof one)) {
        refuse(one === null ? 'there is no value' : `${nounOf(one)} is not a value`, expected, item);
        continue;
      }
      try {
        const value = kind.parse(map ? kind.entry!(...map[item]) : String(one));
        for (const part of kind.many ? (value as unknown[]) : [value]) values.push({ value: part, item });
      } catch (error) {
        const { message, hint } = error as CtflowError;
        refuse(message, hint, item);
      }
    }
    const names = kind.sameness ? values.map(({ value }) => kind.sameness!(value)) : [];
    for (const [i, name] of names.entries())
      if (names.indexOf(name) < i) refuse(`'${name}' is given twice`, 'Give it once', values[i].item);
    return (kind.many ? values.map(({ value }) => value) : values[0]?.value) as T;
  });
}

function isMap(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

/** The values of one text of a list. */
function partsOf(written: unknown): unknown[] {
  return typeof written === 'string' ? written.split(',') : [written];
}

function nounOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : `'${String(value)}'`;
}
