import { z } from 'zod';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../row/protocol.js';
import { parseAddress, parsePrefix } from '../common/prefix.js';
import { U16_MAX } from '../common/unsigned.js';

/** The form of an inventory. The message of an issue is what is allowed at its place. */

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['tcp', IPPROTO_TCP],
  ['udp', IPPROTO_UDP],
  ['sctp', IPPROTO_SCTP],
]);

/** Longest label and longest name of Kubernetes (RFC 1123); together they fit into an IPFIX string with a short length. */
const label = text(63);
const name = text(253);

const address = parsed('an IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1', parseAddress);
const addressOrPrefix = parsed(
  'an address, or a prefix without bits behind its length, such as 192.0.2.0/24 or 2001:db8::/32',
  parsePrefix,
);
const moment = 'a time with its zone, such as 2026-01-02T03:04:05Z';
const since = z.iso.datetime({ offset: true, error: moment }).transform(time => Date.parse(time));
const protocol = parsed('tcp, udp or sctp', word => PROTOCOLS.get(word.toLowerCase()));
const number = z
  .int({ error: `a whole number from 1 to ${U16_MAX}` })
  .min(1)
  .max(U16_MAX);

const pod = object({
  name,
  namespace: label,
  /** Where it runs; by default this host. */
  node: name.optional(),
  addresses: list(address).min(1),
  /** Milliseconds since 1970. */
  since: since.optional(),
});

const node = object({ name, addresses: list(addressOrPrefix).min(1) });

const port = object({ name: label.optional(), port: number, protocol: protocol.default(IPPROTO_TCP) });

const service = object({ name: label, namespace: label, addresses: list(address).min(1), ports: list(port).min(1) });

export const inventorySchema = object({
  /** The node that this host is. */
  node: name.optional(),
  pods: list(pod).default([]),
  nodes: list(node).default([]),
  services: list(service).default([]),
  podPrefixes: list(addressOrPrefix).optional(),
});

export type Inventory = z.infer<typeof inventorySchema>;

function object<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: issue => (issue.code === 'unrecognized_keys' ? known : `a map of ${known}`) });
}

function list<Item extends z.ZodType>(item: Item) {
  return z.array(item, { error: 'a list with something in it' });
}

function text(most: number) {
  const allowed = `a text of 1 to ${most} bytes without control characters`;
  return z.string({ error: allowed }).refine(value => value !== '' && isName(value, most), { error: allowed });
}

function isName(value: string, most: number): boolean {
  return Buffer.byteLength(value) <= most && !/\p{Cc}|\p{Cs}/u.test(value);
}

function parsed<T>(allowed: string, parse: (text: string) => T | undefined) {
  return z.string({ error: allowed }).transform((value, context) => {
    const result = parse(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
}
