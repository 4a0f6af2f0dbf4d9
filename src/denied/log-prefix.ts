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
 * What a log prefix says of the rule, and where it is of another form its comment. Either has the form
 * `ctflow:<drop|reject>:<in|out>:<policy namespace>/<policy name>:<rule>`; parts may be empty, a policy without a slash has no
 * namespace. Any other text is the rule's name.
 * @param known what the rules of nft that log with this prefix have in common
 */
export function deniedBy(prefix: string, known?: { readonly comment: string; readonly rejects: boolean }): DeniedBy {
  const comment = known?.comment ?? '';
  return (
    parse(prefix) ??
    parse(comment) ?? {
      action: known?.rejects ? REJECT : DROP,
      direction: undefined,
      policyNamespace: '',
      policyName: '',
      rule: comment || prefix.trim(),
    }
  );
}

/** Whether a log prefix says itself which policy it is of: comments play no part then. */
export function namesPolicy(prefix: string): boolean {
  return FORM.test(prefix);
}

function parse(text: string): DeniedBy | undefined {
  const { action, direction, namespace = '', policy, rule } = FORM.exec(text)?.groups ?? {};
  if (rule === undefined) return undefined;
  return {
    action: action === 'reject' ? REJECT : DROP,
    direction: direction === 'in' ? 'ingress' : direction === 'out' ? 'egress' : undefined,
    policyNamespace: namespace,
    policyName: policy,
    rule: rule.trim(),
  };
}
