import { readdirSync } from 'node:fs';
import { NAMESPACES, namespacePath, OWN_NAMESPACE } from '../../common/host.js';
import { namespaceIdentity } from '../../sources/namespace-watch.js';

/** In place of a name: the network namespace of this process. */
export const SELF = 'self';
/** In place of a list: {@link SELF}, and all that have a name. */
export const ALL = 'all';

/** A network namespace that is there. */
export interface NamedNamespace {
  readonly name: string;
  /** As of {@link namespaceIdentity}. */
  readonly identity: string;
}

/** Whether the setting asks for more than one network namespace, or for those that there will be. */
export function isSeveral(netns: readonly string[] | undefined): netns is readonly string[] {
  return netns !== undefined && (netns.length > 1 || netns[0] === ALL);
}

/** What opens the namespace of this name: undefined for this process's own. */
export function netnsOf(name: string | undefined): string | undefined {
  return name === SELF ? undefined : name;
}

/** The namespaces that are wanted and there, each once: where one has several names, by the first. */
export function findNamespaces(wanted: readonly string[]): NamedNamespace[] {
  const names = wanted[0] === ALL ? [SELF, ...namesInFolder()] : wanted;
  const found = new Map<string, string>();
  for (const name of names) {
    const identity = namespaceIdentity(pathOf(name));
    if (identity !== '' && !found.has(identity)) found.set(identity, name);
  }
  return [...found].map(([identity, name]) => ({ name, identity }));
}

function pathOf(name: string): string {
  return name === SELF ? OWN_NAMESPACE : namespacePath(name);
}

/** Those that `ip netns list` shows. One that is called like a word of ours has to be given by its path. */
function namesInFolder(): string[] {
  try {
    return readdirSync(NAMESPACES)
      .sort()
      .map(name => (name === SELF || name === ALL ? `${NAMESPACES}/${name}` : name));
  } catch {
    return []; // none was ever made
  }
}
