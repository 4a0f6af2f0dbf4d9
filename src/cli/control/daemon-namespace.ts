import { CtflowError } from '../../common/errors.js';
import type { DaemonStatus } from '../../daemon/control/status.js';
import { netnsOf } from '../../daemon/namespaces/namespace-names.js';

/** The network namespace of a daemon that is looked at. */
export interface DaemonNamespace {
  /** What a request has; undefined where the daemon reads one alone. */
  readonly request: string | undefined;
  /** For a title. */
  readonly words: string;
  /** A name or a path. */
  readonly netns: string;
}

/**
 * @param wanted the flag; undefined for the first one
 * @throws CtflowError CTFLOW_USAGE where the daemon does not read it
 */
export function daemonNamespace({ pid, netns, namespaces }: DaemonStatus, wanted: string | undefined): DaemonNamespace {
  const names = namespaces?.map(one => one.netns) ?? (netns === undefined ? [] : [netns]);
  const name = wanted ?? names[0];
  if (name !== undefined && !names.includes(name))
    throw new CtflowError(
      'CTFLOW_USAGE',
      `ctflow run (pid ${pid}) does not read network namespace '${name}'`,
      `It reads ${names.join(', ') || 'its own'}; without --control ctflow polls itself`,
    );
  return {
    request: namespaces && name,
    words: namespaces ? `, network namespace ${name}` : '',
    netns: netnsOf(name) ?? `/proc/${pid}/ns/net`,
  };
}
