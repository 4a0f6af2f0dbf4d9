import { CtflowError } from '../../common/errors.js';

/** The end of a demonstration. Octets are of the IP layer; octets and packets are of both directions. */
export interface DemoReport {
  /** Whether a live kernel was shown, or a recording in its place. */
  readonly mode: 'live' | 'replay';
  readonly backend: 'native' | 'fallback';
  readonly connections: number;
  readonly recordsExported: number;
  readonly recordsCollected: number;
  /** Live: the kernel's independent count. Replay: the totals that the recording's connections had last. */
  readonly kernelOctets: number;
  /** The deltas of all records that the collector decoded. */
  readonly exportedOctets: number;
  readonly kernelPackets: number;
  readonly exportedPackets: number;
  readonly sequenceLost: number;
  /** The first run was void by retransmissions, and this is the second. */
  readonly repeated: boolean;
}

/** What is not as it must be, in words; empty where all is well. */
export function differences(report: DemoReport): string[] {
  const found: string[] = [];
  const compare = (what: string, a: number, here: string, b: number, there: string) => {
    if (a !== b) found.push(`${group(a)} ${what} ${here}, ${group(b)} ${there}`);
  };
  const counted = report.mode === 'live' ? 'counted by the kernel' : 'in the recording';
  compare('octets', report.kernelOctets, counted, report.exportedOctets, 'collected');
  compare('packets', report.kernelPackets, counted, report.exportedPackets, 'collected');
  compare('records', report.recordsExported, 'exported', report.recordsCollected, 'collected');
  if (report.sequenceLost > 0) found.push(`${group(report.sequenceLost)} records lost by sequence number`);
  return found;
}

/** @throws CtflowError CTFLOW_DEMO naming every difference */
export function requireEqual(report: DemoReport): void {
  const found = differences(report);
  if (found.length === 0) return;
  throw new CtflowError(
    'CTFLOW_DEMO',
    `The exported records do not tell what happened: ${found.join('; ')}`,
    'This is a fault of ctflow; please report it with the output of ctflow demo --json and ctflow version',
  );
}

/** The report for people: two columns and a verdict. */
export function formatReport(report: DemoReport): string {
  const left = report.mode === 'live' ? 'kernel' : 'recording';
  const row = (name: string, a: string, b: string) => `  ${name.padEnd(8)}${a.padStart(16)}${b.padStart(16)}`;
  const lost = `${group(report.sequenceLost)} lost`;
  const verdict =
    differences(report).length > 0
      ? 'Not equal.'
      : report.mode === 'live'
        ? 'Equal: every packet that the kernel counted arrived at the collector.'
        : 'Equal: every packet in the recording arrived at the collector.';
  return [
    row('', left, 'exported'),
    row('octets', group(report.kernelOctets), group(report.exportedOctets)),
    row('packets', group(report.kernelPackets), group(report.exportedPackets)),
    '',
    `  ${group(report.connections)} connections, ${group(report.recordsExported)} records exported,` +
      ` ${group(report.recordsCollected)} collected, ${lost}, backend ${report.backend}`,
    verdict,
  ].join('\n');
}

/** 1234567 as 1,234,567. */
function group(value: number): string {
  return value.toLocaleString('en-US');
}
