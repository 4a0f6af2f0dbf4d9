import { CtflowError } from '../common/errors.js';
import { ALLOW, DROP, REJECT } from '../denied/log-prefix.js';
import { type LabelPolicy, type MarkPolicy, MOST_POLICIES, type Policy } from '../denied/policy.js';
import { list, type Kind } from './kind.js';
import { masked } from './values.js';

/** `0x10/0xf0=allow:in:prod/web:rule`, in the file also `0x10/0xf0: {policy: web, namespace: prod}`. */

const ACTIONS = { allow: ALLOW, drop: DROP, reject: REJECT } as const;
const DIRECTIONS = { in: 'ingress', out: 'egress' } as const;
const KEYS = ['policy', 'namespace', 'rule', 'action', 'direction'];
/** Neither signs that a text has between names, nor the comma that a list has between texts. */
const NAME = '[^:/,=\\p{C}]{0,255}';
const RULE = '[^,\\p{C}]{0,255}';
const FORM = new RegExp(
  `^(?<action>allow|drop|reject):(?<direction>in|out):(?:(?<namespace>${NAME})/)?(?<name>${NAME})(?::(?<rule>${RULE}))?$`,
  'u',
);
const HINT = 'Write allow, drop or reject, in or out, and the names: allow:in:NAMESPACE/POLICY:RULE';
const LABEL_BITS = 128;

const POLICY_JSON = {
  anyOf: [
    {
      type: 'object',
      properties: {
        policy: { type: 'string' },
        namespace: { type: 'string' },
        rule: { type: 'string' },
        action: { enum: Object.keys(ACTIONS) },
        direction: { enum: Object.keys(DIRECTIONS) },
      },
      additionalProperties: false,
    },
    { type: 'string' },
  ],
};

/** Policies by marks. */
export const markPolicies = policies<MarkPolicy>(
  'VALUE or VALUE/MASK',
  key => ({ mark: masked(key) }),
  ({ mark }) => `${hex(mark.value)}/${hex(mark.mask)}`,
);

/** Policies by labels. */
export const labelPolicies = policies<LabelPolicy>(
  'a bit from 0 to 127, or VALUE/MASK of 32 hexadecimal digits each',
  labelKey,
  ({ value, mask }) => `${Buffer.from(value).toString('hex')}/${Buffer.from(mask).toString('hex')}`,
);

/** @param keys what a key may be; @param read one */
function policies<T extends Policy>(
  keys: string,
  read: (key: string) => Omit<T, keyof Policy>,
  keyOf: (policy: T) => string,
): Kind<T[]> {
  const item: Kind<T> = {
    form: '<key=policy...>',
    parse: text => {
      const equals = text.indexOf('=');
      if (equals < 0) throw new CtflowError('CTFLOW_USAGE', `'${text}' has no =`, `Write KEY=POLICY; ${HINT}`);
      return { ...read(text.slice(0, equals).trim()), ...policyOf(text.slice(equals + 1)) } as T;
    },
    write: policy => `${keyOf(policy)}=${textOf(policy)}`,
    json: { type: 'string' },
    allowed: `KEY=POLICY, where KEY is ${keys}, and POLICY is allow:in:NAMESPACE/POLICY:RULE; or a map of them`,
  };
  return {
    ...list(item.form, item, keyOf),
    json: { anyOf: [{ type: 'object', minProperties: 1, additionalProperties: POLICY_JSON }, { type: 'array' }] },
    allowed: item.allowed,
    most: MOST_POLICIES,
    entry: (key, value) => `${key}=${typeof value === 'string' ? value : textOfMap(value)}`,
  };
}

function policyOf(text: string): Policy {
  const { action, direction, namespace = '', name, rule = '' } = FORM.exec(text)?.groups ?? {};
  if (action === undefined) throw new CtflowError('CTFLOW_USAGE', `'${text}' is not a policy`, HINT);
  if (namespace + name + rule === '') throw new CtflowError('CTFLOW_USAGE', `'${text}' names no policy`, HINT);
  return {
    action: ACTIONS[action as keyof typeof ACTIONS],
    direction: DIRECTIONS[direction as keyof typeof DIRECTIONS],
    namespace,
    name,
    rule,
  };
}

function textOf({ action, direction, namespace, name, rule }: Policy): string {
  const words = { [ALLOW]: 'allow', [DROP]: 'drop', [REJECT]: 'reject' };
  return `${words[action]}:${direction === 'ingress' ? 'in' : 'out'}:${namespace}/${name}:${rule}`;
}

/** What stands at a key of the file. */
function textOfMap(value: unknown): string {
  const known = KEYS.join(', ');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CtflowError('CTFLOW_USAGE', 'this is no policy', `Write a map of ${known}; or ${HINT}`);
  const fields = value as Record<string, unknown>;
  const unknown = Object.keys(fields).find(key => !KEYS.includes(key));
  if (unknown !== undefined)
    throw new CtflowError('CTFLOW_USAGE', `a policy has no '${unknown}'`, `Its keys are ${known}`);
  const bad = Object.entries(fields).find(([key, text]) => typeof text !== 'string' || hasSign(key, text));
  if (bad) throw new CtflowError('CTFLOW_USAGE', `${bad[0]} is not a name`, 'Write a text without : / , and = in it');
  const {
    policy = '',
    namespace = '',
    rule = '',
    action = 'allow',
    direction = 'in',
  } = fields as Record<string, string>;
  return `${action}:${direction}:${namespace}/${policy}:${rule}`;
}

function hasSign(key: string, text: string): boolean {
  return !new RegExp(`^(?:${key === 'rule' ? RULE : NAME})$`, 'u').test(text);
}

/** The bit is that of nft's and iptables' labels: bit 0 is the lowest of the first byte. */
function labelKey(key: string): Pick<LabelPolicy, 'value' | 'mask'> {
  if (/^\d{1,3}$/.test(key) && Number(key) < LABEL_BITS) {
    const bytes = new Uint8Array(LABEL_BITS / 8);
    bytes[Number(key) >> 3] = 1 << (Number(key) & 7);
    return { value: bytes, mask: bytes };
  }
  const [, value, mask] = /^([\da-f]{32})\/([\da-f]{32})$/i.exec(key) ?? [];
  if (value === undefined)
    throw new CtflowError(
      'CTFLOW_USAGE',
      `'${key}' is not a label`,
      'Write a bit from 0 to 127, or VALUE/MASK of 32 hexadecimal digits each, as ctflow dump prints labels',
    );
  const found = { value: Buffer.from(value, 'hex'), mask: Buffer.from(mask, 'hex') };
  if (found.value.every((byte, i) => (byte & ~found.mask[i]) === 0)) return found;
  throw new CtflowError('CTFLOW_USAGE', `'${key}' can never match`, 'The value has bits that the mask leaves out');
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}
