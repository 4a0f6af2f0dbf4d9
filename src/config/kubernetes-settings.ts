import { CtflowError } from '../common/errors.js';
import { parsePrefix } from '../common/prefix.js';
import { choice, list, parsed, text } from './kind.js';
import { defaulted, setting } from './setting.js';

/** Where names come from in a cluster. */
export const kubernetesSettings = {
  kubernetes: setting(
    'Kubernetes',
    text('<in-cluster|file>'),
    'names of pods, nodes and services from the API server: as the service account of the pod, or by a kubeconfig file',
  ),
  kubernetesNode: setting(
    'Kubernetes',
    text('<name>'),
    'this node, as the cluster calls it (default: NODE_NAME, or the host name)',
  ),
  kubernetesPods: defaulted(
    'Kubernetes',
    choice('<which>', ['all', 'node']),
    'all',
    'pods that are watched: all, or those of this node, where others are known by the prefixes of their nodes',
  ),
  kubernetesPodPrefixes: setting(
    'Kubernetes',
    list('<prefix>', parsed('<prefix>', 'a prefix of addresses', prefixOf)),
    'prefixes of pods, where those of the nodes are absent or not in use',
  ),
};

function prefixOf(text: string): string {
  if (parsePrefix(text)) return text;
  throw new CtflowError(
    'CTFLOW_USAGE',
    `'${text}' is not a prefix`,
    'Write one without bits behind its length, such as 10.244.0.0/16 or fd00:10::/56',
  );
}
