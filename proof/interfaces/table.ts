import type { Measured, Verdicts } from './measure.js';

export const PAGE = 'docs/interfaces.md';
const BEGIN = '<!-- npm run proof:interfaces -- --write -->';
const END = '<!-- end -->';

/** What was measured, as a table; the sum is of what is the same on each host. */
export function tableOf(measured: readonly Measured[]): string {
  const counted = measured.filter(({ scenario }) => !scenario.byHash);
  const share = ({ right, leftOut, wrong }: Verdicts): string => {
    const others = [...(leftOut > 0 ? [`${leftOut} left out`] : []), ...(wrong > 0 ? [`${wrong} wrong`] : [])];
    return [`${right} right`, ...others].join(', ');
  };
  const total = (side: 'ingress' | 'egress'): Verdicts => ({
    right: sum(counted.map(one => one[side].right)),
    leftOut: sum(counted.map(one => one[side].leftOut)),
    wrong: sum(counted.map(one => one[side].wrong)),
  });
  const rows = measured.map(({ scenario, flows, ingress, egress }) => [
    scenario.name,
    String(flows),
    share(ingress),
    scenario.byHash && egress.wrong === 0 ? 'right or left out, by the hash' : share(egress),
  ]);
  const all = [
    'all but the last',
    String(sum(counted.map(({ flows }) => flows))),
    share(total('ingress')),
    share(total('egress')),
  ];
  const head = ['routes of the host', 'flows', 'ingressInterface', 'egressInterface'];
  return [head, head.map(() => '---'), ...rows, all].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

/** The page with this table in the place of its own. @throws where it has none */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`${PAGE} has no place for the table`);
  return `${page.slice(0, from)}${BEGIN}\n\n${table}\n\n${page.slice(to)}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
