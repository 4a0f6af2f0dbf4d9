/** What a rule does with a packet; numbers of Antrea's RuleAction, beside 0 (none). */
export const ALLOW = 1;
export const DROP = 2;
export const REJECT = 3;

/** The rule that a log prefix stands for. */
export interface DeniedBy {
  readonly action: typeof DROP | typeof REJECT;
  /** Undefined where the prefix has none. */
  readonly direction: 'ingress' | 'egress' | undefined;
  readonly policyNamespace: string;
  readonly policyName: string;
  readonly rule: string;
}

const FORM =
  /^ctflow:(?<action>drop|reject|):(?<direction>in|out|):(?:(?<namespace>[^/:]*)\/)?(?<policy>[^/:]*):(?<rule>.*)$/s;

/**
 * `ctflow:<drop|reject>:<in|out>:<policy namespace>/<policy name>:<rule>`; parts may be empty, a policy without a slash has no
 * namespace. Any other prefix is the rule's name, and its action drop.
 */
export function parseLogPrefix(prefix: string): DeniedBy {
  const { action, direction, namespace = '', policy, rule } = FORM.exec(prefix)?.groups ?? {};
  if (rule === undefined) {
    return { action: DROP, direction: undefined, policyNamespace: '', policyName: '', rule: prefix.trim() };
  }
  return {
    action: action === 'reject' ? REJECT : DROP,
    direction: direction === 'in' ? 'ingress' : direction === 'out' ? 'egress' : undefined,
    policyNamespace: namespace,
    policyName: policy,
    rule: rule.trim(),
  };
}
