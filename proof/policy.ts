/** The ports that the router lets nothing through to, one for each of its rules; the traffic's generator knows them. */
export const DENIED_PORTS: readonly number[] = Array.from({ length: 10 }, (_, rule) => 9000 + rule);

/** Where the rules log to. */
export const NFLOG_GROUP = 47;

/** Rules that drop, each with a counter and a prefix of its own. */
export function policyTable(): string {
  const rules = DENIED_PORTS.map(
    (port, rule) =>
      `meta l4proto { tcp, udp } th dport ${port} counter name ${counterOf(rule)} ` +
      `log group ${NFLOG_GROUP} snaplen 128 prefix "ctflow:drop:out:proof/policy:rule-${rule}" drop`,
  );
  return `
table inet denying {
  ${DENIED_PORTS.map((_, rule) => `counter ${counterOf(rule)} { }`).join('\n  ')}
  chain forward {
    type filter hook forward priority 0
    ${rules.join('\n    ')}
  }
}
`;
}

function counterOf(rule: number): string {
  return `rule_${rule}`;
}
