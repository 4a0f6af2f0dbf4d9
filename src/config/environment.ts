import { nearest } from '../common/nearest.js';

/** Variables of a checkout's scripts and tests. */
const ELSEWHERE = /^CTFLOW_(SETUP|NO_SKIP|SEED|DENIED_PACKETS|DENIED_TUPLES)$/;
/** What Kubernetes sets in every container for a service that is named ctflow. */
const KUBERNETES = /^CTFLOW_(SERVICE|PORT)(_|$)/;

export interface UnknownVariable {
  readonly name: string;
  /** The one that was probably meant. */
  readonly nearest?: string;
}

/**
 * Removes variables that are empty: they count as none.
 * @param known the variables of all commands
 * @param environment the process's, changed in place
 * @returns variables that no command has
 */
export function tidyEnvironment(known: ReadonlySet<string>, environment: NodeJS.ProcessEnv): UnknownVariable[] {
  for (const name of known) if (environment[name] === '') delete environment[name];
  return Object.keys(environment)
    .filter(name => name.startsWith('CTFLOW_') && !known.has(name) && !ELSEWHERE.test(name) && !KUBERNETES.test(name))
    .map(name => {
      const meant = nearest(
        name.slice('CTFLOW_'.length),
        [...known].map(one => one.slice('CTFLOW_'.length)),
      );
      return { name, ...(meant !== undefined && { nearest: `CTFLOW_${meant}` }) };
    });
}
