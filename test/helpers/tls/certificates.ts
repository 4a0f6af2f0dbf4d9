import { Authority, type Certificate } from './authority.js';
import { QUIET_HOST } from '../fakes/quiet-host.js';

/** Two authorities, and certificates of the first. */
export interface Certificates {
  readonly ours: Authority;
  readonly theirs: Authority;
  /** For QUIET_HOST and collector.test. */
  readonly collector: Certificate;
  /** For exporter.test. */
  readonly exporter: Certificate;
}

let made: Certificates | undefined;

/** Certificates that are right, made once. */
export function certificates(): Certificates {
  const ours = made?.ours ?? new Authority('ours');
  return (made ??= {
    ours,
    theirs: new Authority('theirs'),
    collector: ours.issue({ names: [`IP:${QUIET_HOST}`, 'DNS:collector.test'] }),
    exporter: ours.issue({ names: ['DNS:exporter.test'] }),
  });
}
